"""After the changes: assignments, parameters and imports that nothing needs any more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst

from serve_compat.migrate.analysis.children import names_in, walk
from serve_compat.migrate.analysis.expressions import is_repeatable
from serve_compat.migrate.analysis.names import Names
from serve_compat.migrate.analysis.tree import Tree, dotted
from serve_compat.migrate.analysis.uses import is_load
from serve_compat.migrate.writing.edits import Edits
from serve_compat.migrate.writing.texts import keyword_args

_OURS = ("serve_compat", "ray.serve")


@dataclass(frozen=True)
class Useless:
    """What may be used by nothing any more.

    Attributes:
        names: plain names, and dotted ones such as `self.client`.
        params: (function, parameter).
        kept: names that other files import.
    """

    names: set[str]
    params: set[tuple[str, str]]
    kept: frozenset[str] = frozenset()


def cleaned(module: cst.Module, useless: Useless, before: frozenset[str]) -> cst.Module:
    """The module without assignments to useless names, and without unused names of ours in imports.

    Args:
        before: names that the imports of ours brought, and that the file used before the changes.
    """
    for _ in range(6):  # a name may have been used only by another useless one
        made = _once(module, useless)
        if made is module:
            break
        module = made
    return _without_imports(module, before)


def _once(module: cst.Module, useless: Useless) -> cst.Module:
    names = Names(module)
    tree = names.tree
    edits = Edits()
    gone = {name for name in useless.names - useless.kept if not _is_read(tree, name)}
    for node in tree.nodes(cst.Assign, cst.AnnAssign, cst.Global) if gone else ():
        if isinstance(node, cst.Global):
            _without_globals(node, gone, edits)
        elif isinstance(node, cst.Assign | cst.AnnAssign):
            useless.names.update(_without_assignment(node, gone, names, edits))
    for function in tree.nodes(cst.FunctionDef):
        for name, param in sorted(useless.params):
            if function.name.value == name and not edits:
                without_parameter(function, param, names, edits)
    return edits.module(module)


def _is_read(tree: Tree, name: str) -> bool:
    _, dot, last = name.rpartition(".")
    if dot:
        above = ((each, tree.parents[each]) for each in tree.names.get(last, ()))
        return any(isinstance(at, cst.Attribute) and at.attr is each and is_load(tree, at) for each, at in above)
    return any(is_load(tree, each) and not _is_parameter(tree, each) for each in tree.names.get(name, ()))


def _is_parameter(tree: Tree, name: cst.Name) -> bool:
    """Whether a name is one that its function got: another than one of the same name outside."""
    found = tree.scopes[name].lookup(name.value)
    return bool(found) and all(each.kind == "param" for each in found)


def _without_globals(node: cst.Global, gone: set[str], edits: Edits) -> None:
    left = [item for item in node.names if item.name.value not in gone]
    if len(left) == len(node.names):
        return
    if not left:
        edits.remove(node)
        return
    left[-1] = left[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)
    edits.replace(node, node.with_changes(names=left))


def _without_assignment(node: cst.Assign | cst.AnnAssign, gone: set[str], names: Names, edits: Edits) -> set[str]:
    """Plan a useless assignment's removal; returns the names in its value, which may be useless then."""
    targets = [each.target for each in node.targets] if isinstance(node, cst.Assign) else [node.target]
    if len(targets) != 1 or dotted(targets[0]) not in gone or node.value is None:
        return set()
    if isinstance(names.tree.scopes[node].node, cst.ClassDef):
        return set()
    kind = names.serve_name(node.value.func) if isinstance(node.value, cst.Call) else None
    if kind == "connect" or is_repeatable(node.value) or _is_config(node.value, names):
        edits.remove(node)
        return names_in(node.value)
    if kind == "start" or names.kind(node.value) == "client":
        edits.replace(node, cst.Expr(node.value))
    return set()


def _is_config(node: cst.BaseExpression, names: Names) -> bool:
    if not isinstance(node, cst.Call):
        return False
    called = (names.qualified(node.func) or "").rpartition(".")[2]
    return called in ("BackendConfig", "CondaEnv", "dict") or dotted(node.func) == "dict"


def _without_imports(module: cst.Module, before: frozenset[str]) -> cst.Module:
    tree = Tree(module)
    used = _used_outside(tree)
    edits = Edits()
    for node in tree.nodes(cst.ImportFrom):
        if not isinstance(node.names, cst.ImportStar) and _is_ours(node):
            kept = [alias for alias in node.names if _bound(alias) in used or _bound(alias) not in before]
            if not kept:
                edits.remove(node)
            elif len(kept) < len(node.names):
                kept[-1] = kept[-1].with_changes(comma=node.names[-1].comma)
                edits.replace(node, node.with_changes(names=kept))
    return edits.module(module)


def _is_ours(node: cst.ImportFrom) -> bool:
    return not node.relative and dotted(node.module).startswith(_OURS)


def _bound(alias: cst.ImportAlias) -> str:
    named = alias.asname.name if alias.asname is not None else alias.name
    return dotted(named)


def used_names(tree: Tree) -> frozenset[str]:
    """The names of imports of ours that a file uses outside of imports."""
    found = set()
    for node in tree.nodes(cst.ImportFrom):
        if not isinstance(node.names, cst.ImportStar) and _is_ours(node):
            found |= {_bound(alias) for alias in node.names}
    return frozenset(found & _used_outside(tree))


def _used_outside(tree: Tree) -> set[str]:
    return {
        each.value
        for each in tree.nodes(cst.Name)
        if not any(isinstance(above, cst.Import | cst.ImportFrom) for above in tree.ancestors(each))
    }


def without_client_types(module: cst.Module) -> cst.Module:
    """The module without annotations that call something a client, which deployments do not need."""
    names = Names(module)
    edits = Edits()
    for node in client_types(names):
        if isinstance(node, cst.FunctionDef):
            edits.change(node, lambda updated: updated.with_changes(returns=None))
        elif isinstance(node, cst.Param):
            edits.change(node, lambda updated: updated.with_changes(annotation=None))
        elif node.value is not None:
            edits.replace(node, cst.Assign([cst.AssignTarget(node.target)], node.value))
    return edits.module(module)


def client_types(names: Names) -> Iterator[cst.FunctionDef | cst.Param | cst.AnnAssign]:
    """What has an annotation that calls it a client, and can do without."""
    for node in names.tree.nodes(cst.FunctionDef, cst.Param, cst.AnnAssign):
        assert isinstance(node, cst.FunctionDef | cst.Param | cst.AnnAssign)
        said = node.returns if isinstance(node, cst.FunctionDef) else node.annotation
        has_value = not isinstance(node, cst.AnnAssign) or node.value is not None
        if said is not None and has_value and _is_client(said, names):
            yield node


def _is_client(annotation: cst.Annotation, names: Names) -> bool:
    return any(
        isinstance(each, cst.Name | cst.Attribute)
        and (names.qualified(each) or "").startswith("ray.serve.")
        and dotted(each).endswith("Client")
        for each in walk(annotation.annotation)
        if each in names.tree.scopes
    )


def without_connecting(module: cst.Module) -> cst.Module:
    """The module with serve.start(detached=True) where the value of serve.connect() is still used, else nothing."""
    names = Names(module)
    edits = Edits()
    for node in names.tree.nodes(cst.Call):
        if names.serve_name(node.func) == "connect":
            parent = names.tree.parents.get(node)
            if isinstance(parent, cst.Expr):
                edits.remove(parent)
            elif isinstance(node.func, cst.Attribute):
                start = node.func.with_changes(attr=cst.Name("start"))
                edits.replace(node, node.with_changes(func=start, args=keyword_args({"detached": cst.Name("True")})))
    return edits.module(module)


def without_parameter(function: cst.FunctionDef, name: str, names: Names, edits: Edits) -> None:
    """Plan a function without a parameter, and its calls without the argument; nothing where that may be noticed."""
    params = [*function.params.posonly_params, *function.params.params]
    place = next((n for n, each in enumerate(params) if each.name.value == name), None)
    if place is None or function.params.posonly_params or name in names_in(function.body):
        return
    callers = list(names.inference.calls.callers(function))
    block = names.tree.parents[function]
    owner = names.tree.parents.get(block)
    is_method = isinstance(owner, cst.ClassDef)
    called = owner.name.value if isinstance(owner, cst.ClassDef) and function.name.value == "__init__" else ""
    mentions = [
        each
        for each in names.tree.names.get(called or function.name.value, ())
        if _is_use(each, names, is_method and not called)
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


def _argument(call: cst.Call, name: str, place: int) -> cst.Arg | None:
    if any(arg.star for arg in call.args):
        return None
    for number, arg in enumerate(call.args):
        if (arg.keyword is None and number == place) or (arg.keyword is not None and arg.keyword.value == name):
            return arg
    return None


def _ended(args: list[cst.Arg]) -> list[cst.Arg]:
    return [*args[:-1], args[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)] if args else []
