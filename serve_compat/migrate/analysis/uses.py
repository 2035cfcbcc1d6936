"""How the value of an expression is used at its place: what decides whether a conversion can follow it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import libcst as cst

from serve_compat.migrate.analysis.infer import Inference
from serve_compat.migrate.analysis.tree import COMPREHENSIONS, Tree
from serve_compat.migrate.analysis.values import Class, Deployment, Function, Handle

Kind = Literal[
    "flows",  # into something the inference follows
    "awaited",
    "got",  # ray.get(value)
    "sent",  # an argument of a handle's call
    "dropped",
    "tested",
    "printed",
    "called",
    "attribute",
    "iterated",
    "subscripted",
    "argument",  # of something else
    "unknown",
]
_AWAITS = {"asyncio.gather", "asyncio.wait_for", "asyncio.ensure_future", "asyncio.shield"}
_FOLLOWED = {"list", "tuple", "set", "sorted", "reversed", "iter", "enumerate", "zip", "getattr"}
_PRINTS = {"print", "str", "repr", "format", "isinstance", "type", "hash", "id"}
_LIST_METHODS = {
    "append",
    "add",
    "items",
    "values",
    "keys",
    "get",
    "pop",
    "popleft",
    "clear",
    "copy",
    "appendleft",
    "put",
}


@dataclass(frozen=True)
class Use:
    """What happens to a value.

    Attributes:
        kind: see Kind.
        node: the node that uses it: the call, the await, the attribute...
    """

    kind: Kind
    node: cst.CSTNode


def is_load(tree: Tree, node: cst.CSTNode) -> bool:
    """Is the node an expression that is evaluated, and not a target, a keyword or a name in an import?"""
    parent = tree.parents.get(node)
    if isinstance(parent, cst.Attribute) and node is parent.attr:
        return False
    if isinstance(parent, cst.Arg):
        return node is parent.value
    if isinstance(parent, cst.Param):
        return node is parent.default
    if isinstance(parent, cst.FunctionDef | cst.ClassDef):
        return node is not parent.name
    if isinstance(parent, cst.NamedExpr):
        return node is parent.value
    if isinstance(parent, cst.AnnAssign):
        return node is parent.value
    if isinstance(parent, cst.For | cst.CompFor):
        return node is parent.iter
    outer = tree.parents.get(parent) if parent is not None else None
    if isinstance(parent, cst.Element | cst.StarredElement) and isinstance(outer, cst.Tuple | cst.List):
        return _is_value(tree, outer)
    refused = (cst.AssignTarget, cst.ImportAlias, cst.AsName, cst.Annotation, cst.NameItem, cst.AugAssign, cst.Del)
    return not isinstance(parent, refused) or (isinstance(parent, cst.AugAssign) and node is parent.value)


def _is_value(tree: Tree, node: cst.CSTNode) -> bool:
    parent = tree.parents.get(node)
    if isinstance(parent, cst.AssignTarget):
        return False
    if isinstance(parent, cst.For | cst.CompFor):
        return node is parent.iter
    outer = tree.parents.get(parent) if parent is not None else None
    return (
        _is_value(tree, outer) if isinstance(parent, cst.Element) and isinstance(outer, cst.Tuple | cst.List) else True
    )


class Uses:
    """Asks the tree and the inference how values are used."""

    def __init__(self, tree: Tree, inference: Inference) -> None:
        self._tree = tree
        self._infer = inference

    def of(self, node: cst.CSTNode) -> Use:
        """How the expression's value is used where it stands."""
        parent = self._tree.parents[node]
        if isinstance(parent, cst.Arg):
            call = self._tree.parents[parent]
            return self._argument(node, call) if isinstance(call, cst.Call) else Use("unknown", call)
        if isinstance(parent, cst.Await):
            return Use("awaited", parent)
        if isinstance(parent, cst.Expr):
            return Use("dropped", parent)
        if isinstance(parent, cst.Assign | cst.AnnAssign):
            return Use("flows" if self._is_followed(parent) else "unknown", parent)
        if isinstance(parent, cst.Attribute):
            return Use("attribute", parent)
        if isinstance(parent, cst.Call):
            return Use("called", parent)
        if isinstance(parent, cst.Subscript):
            return Use("subscripted", parent)
        if isinstance(parent, cst.For | cst.CompFor):
            return Use("iterated", parent)
        if isinstance(
            parent, cst.If | cst.While | cst.Assert | cst.Comparison | cst.ComparisonTarget | cst.UnaryOperation
        ):
            return Use("tested", parent)
        if isinstance(parent, cst.IfExp):
            return Use("tested" if node is parent.test else "flows", parent)
        if isinstance(parent, cst.FormattedStringExpression):
            return Use("printed", parent)
        if isinstance(parent, cst.Return):
            return self._returned(parent)
        followed = (cst.Element, cst.StarredElement, cst.DictElement, cst.BooleanOperation, cst.NamedExpr)
        return Use("flows" if isinstance(parent, (*followed, *COMPREHENSIONS)) else "unknown", parent)

    def _is_followed(self, assign: cst.Assign | cst.AnnAssign) -> bool:
        targets = [each.target for each in assign.targets] if isinstance(assign, cst.Assign) else [assign.target]
        return all(self._target_is_followed(target) for target in targets)

    def _target_is_followed(self, target: cst.BaseExpression) -> bool:
        if isinstance(target, cst.Name):
            return True
        if isinstance(target, cst.Tuple | cst.List):
            return all(self._target_is_followed(each.value) for each in target.elements)
        if isinstance(target, cst.Subscript):
            return self._target_is_followed(target.value)
        if not isinstance(target, cst.Attribute):
            return False
        return self._infer.calls.owner(target.value) is not None or bool(self._infer.calls.places.path(target))

    def _returned(self, node: cst.Return) -> Use:
        function = self._tree.enclosing_function(node)
        if isinstance(function, cst.FunctionDef) and self._infer.calls.is_called(function):
            return Use("flows", node)
        return Use("unknown", node)

    def _argument(self, node: cst.CSTNode, call: cst.Call) -> Use:
        name = self._infer.library(call.func)
        if name == "ray.get":
            return Use("got", call)
        if name in _AWAITS:
            return Use("awaited", call)
        func = call.func
        if isinstance(func, cst.Name) and not self._tree.scopes[func].lookup(func.value):
            if func.value in _FOLLOWED:
                return Use("flows", call)
            if func.value in _PRINTS:
                return Use("printed", call)
            if func.value in ("len", "bool"):
                return Use("tested", call)
        if isinstance(func, cst.Attribute):
            if func.attr.value == "remote" and any(isinstance(each, Handle) for each in self._infer.of(func.value)):
                return Use("sent", call)
            if func.attr.value in _LIST_METHODS and isinstance(func.value, cst.Name | cst.Attribute):
                return Use("flows", call)
        return Use("flows" if self._is_ours(call) else "argument", call)

    def _is_ours(self, call: cst.Call) -> bool:
        """Does the call go to a function, class or deployment of this file, whose parameters are followed?"""
        func = call.func
        if isinstance(func, cst.Attribute):
            if func.attr.value in ("deploy", "bind"):
                return any(
                    isinstance(each, Deployment) and each.code is not None for each in self._infer.of(func.value)
                )
            if func.attr.value == "remote":
                func = func.value
        passed_on = isinstance(func, cst.Attribute) and func.attr.value in ("submit", "run_in_executor", "to_thread")
        thread = any(arg.keyword is not None and arg.keyword.value == "target" for arg in call.args)
        if passed_on or thread:
            return any(isinstance(each, Function) for arg in call.args for each in self._infer.of(arg.value))
        return any(isinstance(each, Function | Class) for each in self._infer.of(func))
