"""What flows within one file: arguments into parameters, values into attributes and lists, results out of calls."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property
from typing import Protocol

import libcst as cst

from serve_compat.migrate.analysis.hints import awaited_twice, hinted
from serve_compat.migrate.analysis.shapes import boxed, contents, inside_replica
from serve_compat.migrate.analysis.sites import Places, argument
from serve_compat.migrate.analysis.tree import Binding, Tree, dotted
from serve_compat.migrate.analysis.values import (
    NOTHING,
    Class,
    Code,
    Deployment,
    Function,
    Instance,
    Library,
    Maker,
    Value,
    Values,
)


class Infers(Protocol):
    """What this module needs of the inference, which itself needs this module."""

    def of(self, node: cst.CSTNode | None) -> Values:
        """What the expression may stand for."""
        ...

    def binding(self, binding: Binding) -> Values:
        """What a name gets by the binding."""
        ...


class Calls:
    """The part of the inference that looks at a whole file: who calls whom with what."""

    def __init__(self, tree: Tree, inference: Infers) -> None:
        self._tree = tree
        self._infer = inference
        self.places = Places(tree)
        self._made: dict[tuple[cst.CSTNode, ...], Deployment | Maker] = {}

    @property
    def by_name(self) -> dict[str, list[cst.Call]]:
        """All calls of the file, see Places."""
        return self.places.by_name

    # deployments: one object per definition, so that values compare by identity

    def deployment(
        self,
        origin: cst.CSTNode,
        code: Code | None,
        name: str,
        calls: tuple[cst.Call, ...],
        module: str = "",
        others: tuple[Code, ...] = (),
    ) -> Deployment:
        """The one object for a definition; the same arguments give the same object."""
        key = (origin, *calls)
        if key not in self._made:
            self._made[key] = Deployment(origin, code, name, calls, module, others)
        made = self._made[key]
        assert isinstance(made, Deployment)
        return made

    def maker(self, call: cst.Call) -> Maker:
        """What `serve.deployment(...)` with options only makes."""
        made = self._made.setdefault((call,), Maker(call))
        assert isinstance(made, Maker)
        return made

    def derived(self, base: Deployment, call: cst.Call) -> Deployment:
        """The deployment that `.options()` of another one gives."""
        key = (call, base.origin, *base.calls)
        if key not in self._made:
            self._made[key] = Deployment(call, base.code, base.code_name, (*base.calls, call), base.module, base.others)
        made = self._made[key]
        assert isinstance(made, Deployment)
        return made

    def call_form(self, node: cst.Call, served: cst.BaseExpression, options: cst.Call) -> Values:
        """`serve.deployment(Cls, ...)` or `serve.deployment(...)(Cls)`."""
        codes, name = self._served(served)
        first = codes[0] if codes else None
        return frozenset({self.deployment(node, first, name, (options,), others=tuple(codes[1:]))})

    def _served(self, served: cst.BaseExpression) -> tuple[list[Code], str]:
        """What of this file may be served, in the order of the source; its name, "" where several differ in theirs."""
        if isinstance(served, cst.Call) and served.args:  # a wrapper around the class or function
            return self._served(served.args[0].value)
        found = self._infer.of(served)
        codes = {each.node for each in found if isinstance(each, Class | Function) and isinstance(each.node, Code)}
        names = {
            *(code.name.value for code in codes),
            *(v.name.split(".")[-1] for v in found if isinstance(v, Library)),
        }
        return sorted(codes, key=self._tree.order.__getitem__), names.pop() if len(names) == 1 else ""

    # attributes

    def attribute(self, owner: cst.ClassDef, name: str) -> Values:
        """What `object.name` may be, for an object of the class: a method, or what the class assigns to it."""
        found: set[Value] = set()
        for each in self._lineage(owner):
            for statement in each.body.body:
                if isinstance(statement, cst.FunctionDef) and statement.name.value == name:
                    if self._is_property(statement):
                        found |= self.returned(statement)
                    else:
                        found.add(Function(statement))
            for value in self._assigned.get((each, name), ()):
                found |= self._infer.of(value)
            for value, mapping in self._put.get((each, name), ()):
                found |= boxed(self._infer.of(value), mapping)
            scope_bindings = self._tree.scopes[each.body].bindings.get(name, ())
            for binding in scope_bindings:
                if binding.kind == "value":
                    found |= self._infer.binding(binding)
        return frozenset(found)

    def _is_property(self, method: cst.FunctionDef) -> bool:
        names = [dotted(each.decorator).split(".")[-1] for each in method.decorators]
        return "property" in names or "cached_property" in names

    def _lineage(self, owner: cst.ClassDef) -> Iterator[cst.ClassDef]:
        yield owner
        for base in owner.bases:
            for value in self._infer.of(base.value):
                node = value.node if isinstance(value, Class) else getattr(value, "code", None)
                if isinstance(node, cst.ClassDef) and node is not owner:
                    yield from self._lineage(node)

    @cached_property
    def _assigned(self) -> dict[tuple[cst.ClassDef, str], list[cst.BaseExpression]]:
        found: dict[tuple[cst.ClassDef, str], list[cst.BaseExpression]] = defaultdict(list)
        for target, value in self.places.assignments:
            if isinstance(target, cst.Attribute):
                owner = self.owner(target.value)
                if owner is not None:
                    found[owner, target.attr.value].append(value)
        return found

    def owner(self, node: cst.BaseExpression) -> cst.ClassDef | None:
        """The class of `self` in a method."""
        if not isinstance(node, cst.Name):
            return None
        for binding in self._tree.scopes[node].lookup(node.value):
            if binding.kind == "param" and isinstance(binding.node, cst.Param):
                return self._self_of(binding.node)
        return None

    def _self_of(self, param: cst.Param) -> cst.ClassDef | None:
        parameters = self._tree.parents[param]
        function = self._tree.parents.get(parameters)
        if not isinstance(function, cst.FunctionDef) or not isinstance(parameters, cst.Parameters):
            return None
        first = next(iter((*parameters.posonly_params, *parameters.params)), None)
        block = self._tree.parents.get(function)
        owner = self._tree.parents.get(block) if block is not None else None
        static = any(dotted(each.decorator) == "staticmethod" for each in function.decorators)
        return owner if first is param and isinstance(owner, cst.ClassDef) and not static else None

    # containers

    @cached_property
    def _put(self) -> dict[tuple[cst.ClassDef, str], list[tuple[cst.BaseExpression, bool]]]:
        found: dict[tuple[cst.ClassDef, str], list[tuple[cst.BaseExpression, bool]]] = defaultdict(list)
        for container, value, mapping in self.places.puts:
            owner = self.owner(container.value) if isinstance(container, cst.Attribute) else None
            if isinstance(container, cst.Attribute) and owner is not None:
                found[owner, container.attr.value].append((value, mapping))
        return found

    # functions

    def returned(self, function: cst.FunctionDef | cst.Lambda) -> Values:
        """What a call of the function gives; of a coroutine function: what awaiting the call gives."""
        if isinstance(function, cst.Lambda):
            return self._infer.of(function.body)
        found: set[Value] = set()
        for node in self.places.returns.get(function, ()):
            found |= self._infer.of(node)
        return frozenset(found)

    def parameter(self, param: cst.Param) -> Values:
        """What callers in this file pass for the parameter."""
        owner = self._self_of(param)
        if owner is not None:
            return frozenset({Instance(owner)})
        function = self._tree.parents.get(self._tree.parents[param])
        if not isinstance(function, cst.FunctionDef):
            return NOTHING
        found: set[Value] = set()
        for value in self.arguments(function, param):
            found |= self._infer.of(value)
        if param.default is not None:
            found |= self._infer.of(param.default)
        found |= self._starred(function, param) if not found else NOTHING
        return frozenset(inside_replica(value) for value in found) or hinted(
            self._tree, self.places, param, self._twice
        )

    @cached_property
    def _twice(self) -> list[cst.BaseExpression]:
        return awaited_twice(self._tree)

    def _starred(self, function: cst.FunctionDef, param: cst.Param) -> Values:
        """What comes by `*args` or `**kwargs`, of the call or of the function."""
        star, kwargs = function.params.star_arg is param, function.params.star_kwarg is param
        found: set[Value] = set()
        for call, _ in self.callers(function):
            for arg in call.args:
                values = self._infer.of(arg.value)
                if arg.star:
                    found |= {each for value in values for each in contents(value)}
                elif (star and arg.keyword is None) or (kwargs and arg.keyword is not None):
                    found |= values
        return boxed(frozenset(found), kwargs) if star or kwargs else frozenset(found)

    def is_called(self, function: cst.FunctionDef) -> bool:
        """Does this file call the function, so that what it returns is followed?"""
        return self._is_property(function) or any(True for _ in self.callers(function))

    def callers(self, function: cst.FunctionDef) -> Iterator[tuple[cst.Call, int]]:
        """The calls of the function in this file, and how many of their arguments come before its own."""
        block = self._tree.parents.get(function)
        owner = self._tree.parents.get(block) if block is not None else None
        yield from self._callers(function, owner if isinstance(owner, cst.ClassDef) else None)

    @property
    def made(self) -> list[Deployment | Maker]:
        """What the file makes of its classes and functions, as far as it was asked for."""
        return list(self._made.values())

    def is_served(self, owner: cst.ClassDef) -> bool:
        """Is the class a deployment of this file?"""
        if any(isinstance(value, Deployment) for value in self._infer.binding(Binding("definition", owner))):
            return True
        return any(isinstance(made, Deployment) and owner in made.codes for made in self._made.values())

    def arguments(self, function: cst.FunctionDef, param: cst.Param) -> Iterator[cst.BaseExpression]:
        """The expressions that this file passes for the parameter."""
        block = self._tree.parents.get(function)
        owner = self._tree.parents.get(block) if block is not None else None
        method_of = owner if isinstance(owner, cst.ClassDef) else None
        names = [each.name.value for each in (*function.params.posonly_params, *function.params.params)]
        bound = method_of is not None and names[:1] in (["self"], ["cls"])
        position = names.index(param.name.value) - bound if param.name.value in names else -1
        for call, skip in self._callers(function, method_of):
            yield from argument(call, position + skip if position >= 0 else -1, param.name.value)

    def _callers(self, function: cst.FunctionDef, owner: cst.ClassDef | None) -> Iterator[tuple[cst.Call, int]]:
        for call in self.places.by_name.get(function.name.value, ()):
            if self._means(call.func, Function(function)):
                yield call, 0
        if owner is not None and function.name.value == "__init__":
            for call in self.places.by_name.get(owner.name.value, ()):
                if self._means(call.func, Class(owner)):
                    yield call, 0
            for method in ("deploy", "bind"):
                for call in self.places.by_name.get(method, ()):
                    values = self._infer.of(call.func.value) if isinstance(call.func, cst.Attribute) else ()
                    if any(isinstance(value, Deployment) and owner in value.codes for value in values):
                        yield call, 0
        yield from self._passed_on(function)

    def _means(self, func: cst.BaseExpression, wanted: Function | Class) -> bool:
        if isinstance(func, cst.Attribute) and func.attr.value == "remote":
            func = func.value
            if isinstance(func, cst.Call) and isinstance(func.func, cst.Attribute):
                func = func.func.value
        return wanted in self._infer.of(func)

    def _passed_on(self, function: cst.FunctionDef) -> Iterator[tuple[cst.Call, int]]:
        """`pool.submit(f, a)` and the like: the arguments follow the function."""
        for call in self.places.by_name.get("submit", []) + self.places.by_name.get("to_thread", []):
            if call.args and Function(function) in self._infer.of(call.args[0].value):
                yield call, 1
        for call in self.places.by_name.get("run_in_executor", []):
            if len(call.args) > 1 and Function(function) in self._infer.of(call.args[1].value):
                yield call, 2
        for call in self.places.by_name.get("Thread", []):
            given = {arg.keyword.value: arg.value for arg in call.args if arg.keyword is not None}
            if "target" in given and Function(function) in self._infer.of(given["target"]):
                inner = given.get("args")
                if isinstance(inner, cst.Tuple | cst.List):
                    yield cst.Call(func=cst.Name("f"), args=[cst.Arg(each.value) for each in inner.elements]), 0
