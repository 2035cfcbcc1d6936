"""From an expression to what it may stand for, within one file: over assignments, functions, attributes and calls."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import libcst as cst

from serve_compat.migrate.analysis.calls import Calls
from serve_compat.migrate.analysis.reaching import reaching
from serve_compat.migrate.analysis.shapes import boxed, canonical, handle_flavor, items, listed, unpacked
from serve_compat.migrate.analysis.tree import Binding, Tree
from serve_compat.migrate.analysis.values import (
    NOTHING,
    Box,
    Class,
    Client,
    Deployment,
    Function,
    Gather,
    Handle,
    Instance,
    Library,
    Listing,
    Maker,
    MethodNode,
    Named,
    Node,
    Pending,
    Ref,
    Row,
    Value,
    Values,
    union,
)

_KEEPS_ITEMS = {"list", "tuple", "set", "sorted", "reversed", "iter"}
_DEEPEST = 60


class Inference:
    """Values of the expressions of one module."""

    def __init__(self, tree: Tree, foreign: Callable[[str], Deployment | None] = lambda name: None) -> None:
        self.tree = tree
        self._foreign = foreign
        self.calls = Calls(tree, self)
        self._known: dict[cst.CSTNode, Values] = {}
        self._partial: dict[cst.CSTNode, Values] = {}
        self._open: list[cst.CSTNode] = []
        self._cuts = 0

    def of(self, node: cst.CSTNode | None) -> Values:
        """What the expression may stand for."""
        if node is None:
            return NOTHING
        if node in self._known:
            return self._known[node]
        if not self._open:
            self._partial.clear()
        if node in self._partial:
            self._cuts += 1
            return self._partial[node]
        if node in self._open or len(self._open) > _DEEPEST:
            self._cuts += 1
            return NOTHING
        before = self._cuts
        self._open.append(node)
        try:
            found = self._infer(node)
        finally:
            self._open.pop()
        if self._cuts == before or not self._open:
            self._known[node] = found
        else:
            self._partial[node] = found  # a cycle was cut: good enough for this question, not for others
        return found

    def library(self, node: cst.CSTNode | None) -> str:
        """The full name of something imported (`ray.serve.start`, `ray.get`), "" of anything else."""
        return next((value.name for value in self.of(node) if isinstance(value, Library)), "")

    def _infer(self, node: cst.CSTNode) -> Values:
        if isinstance(node, cst.Name):
            return self._name(node)
        if isinstance(node, cst.Attribute):
            return self._attribute(node)
        if isinstance(node, cst.Call):
            return self._call(node)
        if isinstance(node, cst.Await):
            return self._awaited(self.of(node.expression))
        if isinstance(node, cst.Tuple):
            if any(isinstance(each, cst.StarredElement) for each in node.elements):
                return self._box(each.value for each in node.elements)
            return frozenset({Row(tuple(self.of(each.value) for each in node.elements))})
        if isinstance(node, cst.List | cst.Set | cst.Dict):
            return self._box((each.value for each in node.elements), isinstance(node, cst.Dict))
        if isinstance(node, cst.ListComp | cst.SetComp | cst.GeneratorExp):
            return self._box([node.elt])
        if isinstance(node, cst.DictComp):
            return self._box([node.value], mapping=True)
        if isinstance(node, cst.Subscript):
            return self._subscript(node)
        if isinstance(node, cst.IfExp):
            return union((each, self.of(each)) for each in (node.body, node.orelse))
        if isinstance(node, cst.BooleanOperation):
            return union((each, self.of(each)) for each in (node.left, node.right))
        if isinstance(node, cst.NamedExpr):
            return self.of(node.value)
        if isinstance(node, cst.Lambda):
            return frozenset({Function(node)})
        return NOTHING

    def _box(self, elements: Iterable[cst.CSTNode], mapping: bool = False) -> Values:
        found = union((each, self.of(each)) for each in elements)
        return frozenset({Box(found, mapping)}) if found else NOTHING

    def _name(self, node: cst.Name) -> Values:
        bindings = reaching(self.tree, node)
        return union((each.node, self.binding(each)) for each in bindings) | self._appended(node)

    def _appended(self, node: cst.Name) -> Values:
        """What `.append()` and item assignment put into the list or dict of that name, in the same scope."""
        scope = self.tree.scopes[node]
        found: set[Value] = set()
        for name, value, mapping in self.calls.places.puts_by_name.get(node.value, ()):
            if self.tree.scopes[name].lookup(node.value) is scope.lookup(node.value):
                found |= boxed(self.of(value), mapping)
        return frozenset(found)

    def binding(self, binding: Binding) -> Values:
        """What a name gets by the binding."""
        node = binding.node
        if binding.kind == "import":
            elsewhere = self._foreign(binding.target)
            return frozenset({elsewhere or Library(canonical(binding.target))})
        if binding.kind == "definition":
            return self._definition(node)
        if binding.kind == "param" and isinstance(node, cst.Param):
            return self.calls.parameter(node)
        if binding.kind == "unknown":
            return NOTHING
        found = self.of(node)
        if binding.kind == "with" and self.library(getattr(node, "func", None)).endswith(".InputNode"):
            return frozenset({MethodNode(node)})
        if binding.kind == "element":
            found = items(found)
        for position in binding.path:
            found = unpacked(found, position)
        return found

    def _definition(self, node: cst.CSTNode) -> Values:
        if not isinstance(node, cst.ClassDef | cst.FunctionDef):
            return NOTHING
        for decorator in node.decorators:
            made = decorator.decorator
            call = made if isinstance(made, cst.Call) else None
            if self.library(call.func if call else made) == "ray.serve.deployment":
                return frozenset({self.calls.deployment(node, node, node.name.value, (call,) if call else ())})
            for value in self.of(made):
                if isinstance(value, Maker):
                    return frozenset({self.calls.deployment(node, node, node.name.value, (value.call,))})
        return frozenset({Class(node) if isinstance(node, cst.ClassDef) else Function(node)})

    def _attribute(self, node: cst.Attribute) -> Values:
        found: set[Value] = set()
        for value in self.of(node.value):
            if isinstance(value, Library):
                found.add(Library(canonical(f"{value.name}.{node.attr.value}")))
            elif isinstance(value, Handle) and node.attr.value not in ("remote", "options"):
                found.add(value)
            elif isinstance(value, Instance | Class):
                found |= self.calls.attribute(value.node, node.attr.value)
            elif isinstance(value, Node | MethodNode):
                found.add(MethodNode(node))
        return frozenset(found) or self._of_path(node)

    def _of_path(self, node: cst.Attribute) -> Values:
        places = self.calls.places
        values = places.paths.get(places.path(node), ())
        return union((each, self.of(each)) for each in values)

    def _subscript(self, node: cst.Subscript) -> Values:
        index = node.slice[0].slice if len(node.slice) == 1 else None
        base = self.of(node.value)
        if isinstance(index, cst.Slice):
            return base
        if isinstance(index, cst.Index) and isinstance(index.value, cst.Integer):
            return unpacked(base, int(index.value.value, 0)) | self._listed(base, node)
        if any(isinstance(value, Listing) for value in base):
            return frozenset({Named(node)})
        inside = frozenset(each for value in base if isinstance(value, Box) for each in value.items)
        return inside | items(base) | self._listed(base, node)

    def _listed(self, base: Values, node: cst.Subscript) -> Values:
        return frozenset(MethodNode(node) for value in base if isinstance(value, MethodNode))

    def _call(self, node: cst.Call) -> Values:
        name = self.library(node.func)
        if name:
            return self._library_call(name, node)
        found: set[Value] = set()
        if isinstance(node.func, cst.Name) and node.func.value in _KEEPS_ITEMS | {"enumerate", "zip"}:
            return self._builtin(node.func.value, node)
        if isinstance(node.func, cst.Name) and node.func.value == "getattr" and node.args:
            return frozenset(value for value in self.of(node.args[0].value) if isinstance(value, Handle))
        for value in self.of(node.func):
            if isinstance(value, Function):
                found |= self.calls.returned(value.node)
            elif isinstance(value, Class):
                found.add(Instance(value.node))
            elif isinstance(value, Maker) and node.args:
                found |= self.calls.call_form(node, node.args[0].value, value.call)
        if isinstance(node.func, cst.Attribute):
            for value in self.of(node.func.value):
                found |= self._method(value, node.func.attr.value, node)
        return frozenset(found)

    def _builtin(self, name: str, node: cst.Call) -> Values:
        columns = [items(self.of(arg.value)) for arg in node.args if arg.keyword is None]
        if not any(columns):
            return NOTHING
        if name == "enumerate":
            columns = [NOTHING, *columns]
        if name in ("enumerate", "zip"):
            return frozenset({Box(frozenset({Row(tuple(columns))}))})
        return frozenset({Box(columns[0])})

    def _library_call(self, name: str, node: cst.Call) -> Values:
        if name == "ray.serve.deployment":
            first = node.args[0] if node.args else None
            if first is not None and first.keyword is None and first.star == "":
                if isinstance(first.value, cst.SimpleString):  # Ray 1.3: the name comes first
                    return frozenset({self.calls.maker(node)})
                return self.calls.call_form(node, first.value, node)
            return frozenset({self.calls.maker(node)})
        if name == "ray.serve.get_deployment":
            return frozenset({Named(node)})
        if name == "ray.serve.list_deployments":
            return frozenset({Listing(node)})
        if name == "ray.serve.run":
            return frozenset({Handle(node, "sync")})
        if name in ("ray.serve.start", "ray.serve.connect", "ray.serve.init"):
            return frozenset({Client(node)})
        if name == "asyncio.gather":
            found: set[Value] = set()
            for arg in node.args:
                values = self.of(arg.value)
                found |= items(values) if arg.star == "*" else values
            return frozenset({Gather(frozenset(found))}) if found else NOTHING
        return NOTHING

    def _method(self, value: Value, method: str, node: cst.Call) -> Values:
        if isinstance(value, Deployment):
            if method == "options":
                return frozenset({self.calls.derived(value, node)})
            if method == "get_handle":
                return frozenset({Handle(node, handle_flavor(node))})
            if method == "bind":
                return frozenset({Node(node, value)})
        elif isinstance(value, Named):
            if method == "options":
                return frozenset({Named(value.call, (*value.options, node))})
            if method == "get_handle":
                return frozenset({Handle(node, handle_flavor(node))})
        elif isinstance(value, Handle):
            if method == "options":
                return frozenset({value})
            if method == "remote":
                return frozenset({Ref(node) if value.flavor == "sync" else Pending(node, value.flavor)})
        elif isinstance(value, Node | MethodNode):
            return frozenset({MethodNode(node)}) if method == "bind" else NOTHING
        elif isinstance(value, Box):
            if method == "items":
                return frozenset({Box(frozenset({Row((NOTHING, value.items))}))})
            if method in ("values", "copy"):
                return frozenset({Box(value.items, value.mapping and method == "copy")})
            if method in ("get", "pop", "popleft", "setdefault"):
                return value.items
        elif isinstance(value, Listing):
            return listed(value, method, node)
        return NOTHING

    def _awaited(self, values: Values) -> Values:
        found: set[Value] = set()
        for value in values:
            if isinstance(value, Pending):
                found.add(Ref(value.source, value.flavor))
            elif isinstance(value, Gather):
                inner = self._awaited(value.items)
                if inner:
                    found.add(Box(inner))
            elif not isinstance(value, Ref):
                found.add(value)  # a coroutine function's result
        return frozenset(found)
