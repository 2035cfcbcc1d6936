"""Where the handles of one module go: their calls, their options, and where they are lost sight of."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

import libcst as cst

from serve_compat.migrate.analysis.constants import Constants
from serve_compat.migrate.analysis.names import Names
from serve_compat.migrate.analysis.tree import Tree
from serve_compat.migrate.analysis.uses import Uses, is_load
from serve_compat.migrate.analysis.values import NOTHING, Box, Class, Handle, Row, Value, Values
from serve_compat.migrate.deployment.find.staying import stays

SC124 = stays(
    "SC124",
    "TODO: a handle that goes where it cannot be followed",
    "Its calls would have to change with it.",
)

_HTTP_OPTIONS = frozenset({"http_method", "http_headers"})
_OF_CONTAINERS = frozenset({"flows", "iterated", "subscripted", "dropped", "tested", "printed", "attribute"})
_ON_THE_WAY = frozenset({"flows", "dropped", "tested", "printed", "sent"})


@dataclass(frozen=True, eq=False)
class Call:
    """One `handle.remote(...)`.

    Attributes:
        node: the call.
        options: the `.options(...)` calls that certainly lie between the handle and it, the outermost first.
        certain: whether these are all.
    """

    node: cst.Call
    options: tuple[cst.Call, ...]
    certain: bool


@dataclass(eq=False)
class HandleUses:
    """What happens to the handle that one call of `get_handle` gives.

    Attributes:
        lost: a place from which on nothing is known of it.
    """

    calls: list[Call] = field(default_factory=list)
    options: list[cst.Call] = field(default_factory=list)
    lost: cst.CSTNode | None = None


def handle_uses(names: Names, constants: Constants) -> dict[cst.CSTNode, HandleUses]:
    """The uses of every handle of a module, by the call that made it."""
    tree, inference = names.tree, names.inference
    uses = Uses(tree, inference)
    found: dict[cst.CSTNode, HandleUses] = defaultdict(HandleUses)
    for node in tree.expressions():
        for origin in _held(names, node):
            if uses.of(node).kind not in _OF_CONTAINERS:
                found[origin].lost = found[origin].lost or node
        origins = _origins(names, node)
        if not origins:
            continue
        use = uses.of(node)
        if use.kind == "argument" and _is_constructor(use.node, names):
            continue
        parent = tree.parents.get(use.node)
        for origin in origins:
            known = found[origin]
            if use.kind in _ON_THE_WAY:
                continue
            if use.kind == "attribute" and isinstance(use.node, cst.Attribute) and isinstance(parent, cst.Call):
                name = use.node.attr.value
                if name == "remote" and parent.func is use.node:
                    known.calls.append(_call(parent, node, names, constants))
                    continue
                if name == "options" and parent.func is use.node:
                    known.options.append(parent)
                    continue
            known.lost = known.lost or node
    return found


def _is_constructor(call: cst.CSTNode, names: Names) -> bool:
    """Whether it is create_backend() of a class of this file, whose constructor is followed."""
    if not isinstance(call, cst.Call) or names.serve_name(call.func) != "create_backend" or len(call.args) < 2:
        return False
    return any(isinstance(value, Class) for value in names.inference.of(call.args[1].value))


def _held(names: Names, node: cst.BaseExpression) -> set[cst.CSTNode]:
    """The origins of handles that a list, dict or tuple holds."""
    return {each.origin for each in _inside(_values(names, node)) if isinstance(each, Handle)}


def _inside(values: Values) -> Iterator[Value]:
    for value in values:
        if isinstance(value, Box):
            yield from value.items
            yield from _inside(value.items)
        elif isinstance(value, Row):
            for item in value.items:
                yield from item
                yield from _inside(item)


def _origins(names: Names, node: cst.BaseExpression) -> set[cst.CSTNode]:
    return {value.origin for value in _values(names, node) if isinstance(value, Handle)}


def _values(names: Names, node: cst.BaseExpression) -> Values:
    """What an expression that is evaluated may stand for."""
    if isinstance(node, cst.Name) and node not in names.tree.scopes:
        return NOTHING
    if not is_load(names.tree, node):
        return NOTHING
    return names.inference.of(node)


def _call(node: cst.Call, receiver: cst.BaseExpression, names: Names, constants: Constants) -> Call:
    found: list[cst.Call] = []
    for _ in range(10):
        settled = constants.value(receiver)
        if not isinstance(settled, cst.Call):
            break
        if isinstance(settled.func, cst.Attribute) and settled.func.attr.value == "options":
            found.append(settled)
            receiver = settled.func.value
            continue
        return Call(node, tuple(found), certain=names.serve_name(settled.func) == "get_handle")
    return Call(node, tuple(found), certain=False)


def option(call: Call, name: str) -> cst.BaseExpression | None:
    """What the handle's options say under a name; the last one said wins."""
    for options in call.options:
        for arg in options.args:
            if arg.keyword is not None and arg.keyword.value == name:
                return arg.value
    return None


def method_names(uses: HandleUses, call: Call, constants: Constants) -> set[str | None]:
    """The methods that a call may mean; None among them where that is only known at run time."""
    given = option(call, "method_name")
    if given is not None:
        return {constants.text(given)}
    if call.certain:
        return {"__call__"}
    every = {constants.text(arg.value) for node in uses.options for arg in node.args if _is(arg, "method_name")}
    return {"__call__", *every}


def speaks_http(uses: HandleUses, tree: Tree) -> bool:
    """Whether handles with options about HTTP are kept somewhere, not just called."""
    for node in uses.options:
        above = tree.parents.get(node)
        called = isinstance(above, cst.Attribute) and above.attr.value == "remote"
        if not called and any(arg.keyword is not None and arg.keyword.value in _HTTP_OPTIONS for arg in node.args):
            return True
    return False


def _is(arg: cst.Arg, name: str) -> bool:
    return arg.keyword is not None and arg.keyword.value == name
