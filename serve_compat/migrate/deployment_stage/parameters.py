"""Parameters that brought clients, and that their functions do not use any more."""

from __future__ import annotations

import libcst as cst

from serve_compat.migrate.children import walk
from serve_compat.migrate.deployment_stage.edits import Edits
from serve_compat.migrate.names import Names
from serve_compat.migrate.serve_stage.expressions import is_repeatable
from serve_compat.migrate.serve_stage.uses import is_load


def without_parameter(function: cst.FunctionDef, name: str, names: Names, edits: Edits) -> None:
    """Plan a function without a parameter, and its calls without the argument; nothing where that may be noticed."""
    params = [*function.params.posonly_params, *function.params.params]
    place = next((n for n, each in enumerate(params) if each.name.value == name), None)
    if place is None or function.params.posonly_params or _is_read(function, name):
        return
    callers = list(names.inference.calls.callers(function))
    block = names.tree.parents[function]
    owner = names.tree.parents.get(block)
    is_method = isinstance(owner, cst.ClassDef)
    called = owner.name.value if isinstance(owner, cst.ClassDef) and function.name.value == "__init__" else ""
    mentions = [
        each
        for each in names.tree.nodes(cst.Name)
        if isinstance(each, cst.Name)
        and each.value == (called or function.name.value)
        and _is_use(each, names, is_method and not called)
    ]
    if not callers or len(mentions) != len({call for call, _ in callers}) or any(skip for _, skip in callers):
        return
    found = [(call, _argument(call, name, place - is_method)) for call, _ in callers]
    if any(arg is None or not is_repeatable(arg.value) for _, arg in found):
        return
    for call, arg in found:
        assert arg is not None
        edits.replace(call, call.with_changes(args=_ended([each for each in call.args if each is not arg])))
    kept = [each for each in function.params.params if each.name.value != name]
    if kept:
        kept[-1] = kept[-1].with_changes(comma=function.params.params[-1].comma)
    edits.replace(function.params, function.params.with_changes(params=kept))


def _is_use(name: cst.Name, names: Names, as_method: bool) -> bool:
    parent = names.tree.parents.get(name)
    return is_load(names.tree, name) or (as_method and isinstance(parent, cst.Attribute) and parent.attr is name)


def _is_read(function: cst.FunctionDef, name: str) -> bool:
    return any(isinstance(each, cst.Name) and each.value == name for each in walk(function.body))


def _argument(call: cst.Call, name: str, place: int) -> cst.Arg | None:
    if any(arg.star for arg in call.args):
        return None
    for number, arg in enumerate(call.args):
        if (arg.keyword is None and number == place) or (arg.keyword is not None and arg.keyword.value == name):
            return arg
    return None


def _ended(args: list[cst.Arg]) -> list[cst.Arg]:
    return [*args[:-1], args[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)] if args else []
