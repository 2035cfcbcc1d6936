"""What iterating and unpacking give, and small questions about names and calls."""

from __future__ import annotations

import libcst as cst

from serve_compat.migrate.analysis.values import (
    NOTHING,
    Box,
    Flavor,
    Gather,
    Handle,
    Listing,
    MethodNode,
    Named,
    Node,
    Row,
    Value,
    Values,
)

_SAME_NAME = {"serve_compat": "ray.serve", "ray.experimental.serve": "ray.serve", "ray.serve.api": "ray.serve"}


def canonical(name: str) -> str:
    """The name as `ray.serve` has it, whichever way the program imports it."""
    for other, ours in _SAME_NAME.items():
        if name == other or name.startswith(other + "."):
            name = ours + name[len(other) :]
    return name


def items(values: Values) -> Values:
    """What iterating over the values gives."""
    found: set[Value] = set()
    for value in values:
        if isinstance(value, Gather) or (isinstance(value, Box) and not value.mapping):
            found |= value.items
        elif isinstance(value, Row):
            found |= {each for column in value.items for each in column}
    return frozenset(found)


def unpacked(values: Values, position: int) -> Values:
    """What unpacking the values gives at the position."""
    found: set[Value] = set()
    for value in values:
        if isinstance(value, Row) and position < len(value.items):
            found |= value.items[position]
        elif isinstance(value, Box):
            found |= value.items
    return frozenset(found)


def handle_flavor(call: cst.Call) -> Flavor:
    """The flavor: "async" where get_handle() is told so by a literal, "sync" otherwise."""
    for arg in call.args:
        if arg.keyword is None or arg.keyword.value == "sync":
            return "async" if isinstance(arg.value, cst.Name) and arg.value.value == "False" else "sync"
    return "sync"


def contents(value: Value) -> Values:
    """All that is inside of a list, dict or tuple, wherever it stands."""
    if isinstance(value, Row):
        return frozenset(each for column in value.items for each in column)
    return value.items if isinstance(value, Box) else NOTHING


def boxed(values: Values, mapping: bool) -> Values:
    """A list or a mapping of the values, if there are any."""
    return frozenset({Box(values, mapping)}) if values else frozenset()


def listed(value: Listing, method: str, node: cst.Call) -> Values:
    """What a method of `serve.list_deployments()` gives."""
    entry: Values = frozenset({Named(node)})
    if method == "items":
        return frozenset({Box(frozenset({Row((NOTHING, entry))}))})
    if method == "values":
        return frozenset({Box(entry)})
    if method in ("get", "pop"):
        return entry
    return frozenset({value}) if method == "copy" else NOTHING


def inside_replica(value: Value) -> Value:
    """A node of a graph arrives as a handle, also in a list or dict."""
    if isinstance(value, Box):
        return Box(frozenset(inside_replica(each) for each in value.items), value.mapping)
    return Handle(value.call, "graph") if isinstance(value, Node | MethodNode) else value
