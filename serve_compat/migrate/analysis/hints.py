"""Parameters that take handles although no call here says so: by annotation, or since results are awaited twice."""

from __future__ import annotations

import libcst as cst

from serve_compat.migrate.analysis.shapes import boxed
from serve_compat.migrate.analysis.sites import Places
from serve_compat.migrate.analysis.tree import Tree, dotted
from serve_compat.migrate.analysis.values import NOTHING, Flavor, Handle, Values

_FLAVORS: dict[str, Flavor] = {
    "RayServeHandle": "graph",
    "RayServeDeploymentHandle": "graph",
    "RayServeSyncHandle": "sync",
    "RayServeLazySyncHandle": "graph",
}
_WRAPPERS = {"Optional": None, "List": False, "list": False, "Sequence": False, "Dict": True, "dict": True}


def hinted(tree: Tree, places: Places, param: cst.Param, twice: list[cst.BaseExpression]) -> Values:
    """A handle, or a list or dict of handles, where the parameter can be nothing else.

    Args:
        twice: what `awaited_twice` finds in the file.
    """
    annotated = _annotated(param, param.annotation.annotation if param.annotation is not None else None)
    if annotated or not twice:
        return annotated
    prefixes = {param.name.value}
    for target, value in places.assignments:
        mine = isinstance(value, cst.Name) and value.value == param.name.value
        if mine and any(each.node is param for each in tree.scopes[value].lookup(param.name.value)):
            prefixes.add(dotted(target))
    prefixes.discard("")
    for receiver in twice:
        if any(_is_read_from(tree, receiver, prefix, param) for prefix in prefixes):
            return frozenset({Handle(param, "graph")})
    return NOTHING


def _annotated(param: cst.Param, node: cst.BaseExpression | None) -> Values:
    if isinstance(node, cst.SimpleString):
        name = str(node.evaluated_value).split(".")[-1]
    elif isinstance(node, cst.Subscript):
        wrapper = dotted(node.value).split(".")[-1]
        index = node.slice[-1].slice
        inner = _annotated(param, index.value) if isinstance(index, cst.Index) and wrapper in _WRAPPERS else NOTHING
        mapping = _WRAPPERS.get(wrapper)
        return inner if mapping is None else boxed(inner, mapping)
    else:
        name = dotted(node).split(".")[-1]
    return frozenset({Handle(param, _FLAVORS[name])}) if name in _FLAVORS else NOTHING


def _is_read_from(tree: Tree, receiver: cst.BaseExpression, prefix: str, param: cst.Param) -> bool:
    """Is the receiver `prefix` or a method of it, in the code that knows the parameter or its attribute?"""
    path = dotted(receiver)
    if path != prefix and not path.startswith(prefix + "."):
        return False
    if prefix.startswith("self."):
        return tree.enclosing_class(receiver) is tree.enclosing_class(param)
    return any(each.node is param for each in tree.scopes[receiver].lookup(prefix))


def awaited_twice(tree: Tree) -> list[cst.BaseExpression]:
    """What `.remote()` is called on, for the calls that are awaited twice: only old handles ask for that."""
    found = []
    for node in tree.nodes(cst.Await):
        call = node.expression
        func = call.func if isinstance(call, cst.Call) else None
        if not isinstance(func, cst.Attribute) or func.attr.value != "remote":
            continue
        parent = tree.parents[node]
        named = parent.targets[0].target if isinstance(parent, cst.Assign) and len(parent.targets) == 1 else None
        if isinstance(parent, cst.Await) or (isinstance(named, cst.Name) and _is_awaited(tree, node, named.value)):
            found.append(func.value)
    return found


def _is_awaited(tree: Tree, place: cst.CSTNode, name: str) -> bool:
    function = tree.enclosing_function(place)
    awaited = (each for each in tree.names.get(name, ()) if isinstance(tree.parents[each], cst.Await))
    return any(tree.enclosing_function(each) is function for each in awaited)
