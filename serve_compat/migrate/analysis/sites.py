"""Where a module calls, assigns, fills lists and returns: collected once, without asking what it means."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property

import libcst as cst

from serve_compat.migrate.analysis.tree import Tree, dotted

_PUTS = {"append", "add", "appendleft", "put", "put_nowait"}


Assigned = list[tuple[cst.BaseExpression, cst.BaseExpression]]
Put = tuple[cst.BaseExpression, cst.BaseExpression, bool]


class Places:
    """The calls, assignments and returns of one module."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree

    @cached_property
    def by_name(self) -> dict[str, list[cst.Call]]:
        """All calls, by the last name of what is called; `.remote` of Ray counts as the name before it."""
        found: dict[str, list[cst.Call]] = defaultdict(list)
        for node in self._tree.nodes(cst.Call):
            func = node.func
            if isinstance(func, cst.Attribute):
                found[func.attr.value].append(node)
                if func.attr.value in ("remote", "options"):
                    found[dotted(func.value).split(".")[-1]].append(node)
            elif isinstance(func, cst.Name):
                found[func.value].append(node)
        return found

    @cached_property
    def assignments(self) -> Assigned:
        """(target, value) of every assignment, tuples taken apart."""
        found: Assigned = []
        for node in self._tree.nodes(cst.Assign, cst.AnnAssign):
            if isinstance(node, cst.AnnAssign) and node.value is not None:
                found.append((node.target, node.value))
            elif isinstance(node, cst.Assign):
                for target in node.targets:
                    found += _pairs(target.target, node.value)
        return found

    @cached_property
    def paths(self) -> dict[str, list[cst.BaseExpression]]:
        """What is assigned to attributes of the module's own objects: `app.state.handle = ...`."""
        found: dict[str, list[cst.BaseExpression]] = defaultdict(list)
        for target, value in self.assignments:
            path = self.path(target)
            if path:
                found[path].append(value)
        return found

    def path(self, node: cst.BaseExpression) -> str:
        """`app.state.handle` where `app` is a name of the module; "" for anything else."""
        if not isinstance(node, cst.Attribute):
            return ""
        root: cst.BaseExpression = node
        while isinstance(root, cst.Attribute):
            root = root.value
        path = dotted(node)
        if not path or not isinstance(root, cst.Name):
            return ""
        bindings = self._tree.scopes[root].lookup(root.value)
        own = bindings and bindings is self._tree.root.bindings.get(root.value)
        return path if own and all(each.kind == "value" for each in bindings) else ""

    @cached_property
    def puts(self) -> list[Put]:
        """(container, value, whether it goes under a key) of every `x.append(value)` and `x[key] = value`."""
        found: list[Put] = []
        for name in _PUTS:
            for call in self.by_name.get(name, ()):
                if isinstance(call.func, cst.Attribute) and len(call.args) == 1:
                    found.append((call.func.value, call.args[0].value, False))
        for target, value in self.assignments:
            if isinstance(target, cst.Subscript):
                found.append((target.value, value, True))
        return found

    @cached_property
    def puts_by_name(self) -> dict[str, list[Put]]:
        """The same for containers that are plain names."""
        found: dict[str, list[Put]] = defaultdict(list)
        for put in self.puts:
            if isinstance(put[0], cst.Name):
                found[put[0].value].append(put)
        return found

    @cached_property
    def returns(self) -> dict[cst.CSTNode, list[cst.BaseExpression]]:
        """What each function returns."""
        found: dict[cst.CSTNode, list[cst.BaseExpression]] = defaultdict(list)
        for node in self._tree.nodes(cst.Return):
            function = self._tree.enclosing_function(node)
            if node.value is not None and function is not None:
                found[function].append(node.value)
        return found


def _pairs(target: cst.BaseExpression, value: cst.BaseExpression) -> Assigned:
    if not (isinstance(target, cst.Tuple | cst.List) and isinstance(value, cst.Tuple | cst.List)):
        return [(target, value)]
    if len(target.elements) != len(value.elements):
        return [(target, value)]
    both = zip(target.elements, value.elements, strict=True)
    return [pair for one, other in both for pair in _pairs(one.value, other.value)]


def argument(call: cst.Call, position: int, name: str) -> Iterator[cst.BaseExpression]:
    """What the call passes at the position (-1: at none) or by the name."""
    place = 0
    for arg in call.args:
        if arg.keyword is not None:
            if arg.keyword.value == name:
                yield arg.value
        elif arg.star == "":
            if place == position:
                yield arg.value
            place += 1
