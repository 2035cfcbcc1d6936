"""Where the handles of one module go: their calls, their options, and where they are lost sight of."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

import libcst as cst

from serve_compat.migrate.deployment_stage.constants import Constants
from serve_compat.migrate.names import Names
from serve_compat.migrate.serve_stage.tree import Tree
from serve_compat.migrate.serve_stage.uses import Uses
from serve_compat.migrate.serve_stage.values import Handle

_HTTP_OPTIONS = frozenset({"http_method", "http_headers"})
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
        origins = _origins(names, node)
        if not origins:
            continue
        use = uses.of(node)
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


def _origins(names: Names, node: cst.BaseExpression) -> set[cst.CSTNode]:
    if isinstance(node, cst.Name) and node not in names.tree.scopes:
        return set()
    if isinstance(names.tree.parents.get(node), cst.AssignTarget | cst.Param | cst.AsName | cst.NameItem):
        return set()
    parent = names.tree.parents.get(node)
    if isinstance(parent, cst.Attribute) and parent.attr is node:
        return set()
    if isinstance(parent, cst.Arg) and parent.keyword is node:
        return set()
    return {value.origin for value in names.inference.of(node) if isinstance(value, Handle)}


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
