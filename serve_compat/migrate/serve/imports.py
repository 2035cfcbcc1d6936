"""Imports: from serve_compat, or from an old ray.serve, to what today's ray.serve has."""

from __future__ import annotations

from functools import partial

import libcst as cst

from serve_compat.migrate.analysis.expressions import literal
from serve_compat.migrate.analysis.tree import dotted
from serve_compat.migrate.analysis.uses import is_load
from serve_compat.migrate.rule import Rule
from serve_compat.migrate.serve.program import Program, becomes
from serve_compat.migrate.serve.stock_names import is_todays

SC201 = Rule(
    "SC201",
    "imports of serve_compat and of old modules become imports of today's ray.serve",
    "serve",
    "The result runs without this package. RayServeHandle and its relatives are DeploymentHandle today.",
)
SC215 = Rule(
    "SC215",
    "a name without an equivalent keeps the file on serve_compat",
    "serve",
    "Today's Ray Serve has nothing that does the same.",
    automatic=False,
)

CONVERTED = frozenset({"get_deployment", "list_deployments"})
HANDLES = frozenset({"RayServeHandle", "RayServeSyncHandle", "RayServeDeploymentHandle", "RayServeLazySyncHandle"})


def convert_imports(program: Program, done: frozenset[str] = frozenset()) -> bool:
    """Plan the changes of imports and of names; returns whether the file imports serve_compat.

    Args:
        done: names that other rules rewrote wholly.
    """
    compat = False
    for node in program.tree.nodes(cst.Import, cst.ImportFrom):
        if isinstance(node, cst.Import):
            compat |= _import(program, node)
        elif isinstance(node, cst.ImportFrom) and not node.relative:
            compat |= _import_from(program, node)
    _names(program, done)
    return compat


def _import(program: Program, node: cst.Import) -> bool:
    compat = [alias for alias in node.names if dotted(alias.name).split(".")[0] == "serve_compat"]
    if not compat:
        return False
    if len(node.names) > 1 or dotted(compat[0].name) != "serve_compat":
        program.block(node, SC201, "this import cannot be turned into one of ray.serve")
        return True
    alias = compat[0]
    name = alias.asname.name.value if alias.asname and isinstance(alias.asname.name, cst.Name) else "serve_compat"
    made = cst.ImportFrom(
        module=cst.Name("ray"),
        names=[cst.ImportAlias(cst.Name("serve"), asname=None if name == "serve" else cst.AsName(cst.Name(name)))],
    )
    program.follow(node, SC201, "serve_compat is not needed any more", becomes(made))
    return True


def _import_from(program: Program, node: cst.ImportFrom) -> bool:
    module = dotted(node.module)
    compat = module.split(".")[0] == "serve_compat"
    today = "ray.serve" + module[len("serve_compat") :] if compat else module
    if not today.startswith("ray.serve") or isinstance(node.names, cst.ImportStar):
        if compat:
            program.block(node, SC201, "which names a star import brings cannot be told")
        return compat
    lost = [alias for alias in node.names if not _exists(today, dotted(alias.name))]
    if lost or compat or any(dotted(alias.name) in HANDLES for alias in node.names):
        message = f"{today} has other names today" if lost else "the import is one of ray.serve"
        program.follow(node, SC201, message, partial(_today, today))
        kept = [alias for alias in node.names if _exists(today, dotted(alias.name)) or dotted(alias.name) in HANDLES]
        if not kept:
            line = program.tree.statement(node)
            if isinstance(line, cst.SimpleStatementLine) and len(line.body) == 1:
                program.edits.drop(line)
        if lost:
            program.old = True
    return compat


def _exists(module: str, name: str) -> bool:
    below = module.removeprefix("ray.serve").lstrip(".")
    return is_todays(f"{below}.{name}" if below else name)


def _today(module: str, updated: cst.CSTNode) -> cst.CSTNode:
    assert isinstance(updated, cst.ImportFrom)
    assert not isinstance(updated.names, cst.ImportStar)
    names: list[cst.ImportAlias] = []
    for alias in updated.names:
        name = dotted(alias.name)
        if name in HANDLES:
            alias = alias.with_changes(name=cst.Name("DeploymentHandle"))
        elif not _exists(module, name):
            continue
        if not any(alias.deep_equals(other.with_changes(comma=alias.comma)) for other in names):
            names.append(alias)
    if not names:
        return updated
    names[-1] = names[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)
    target = cst.parse_expression(module)
    assert isinstance(target, cst.Name | cst.Attribute)
    return updated.with_changes(module=target, names=names)


def _names(program: Program, done: frozenset[str]) -> None:
    """Uses of names: handles' types are renamed, names that are gone forbid the conversion."""
    for quoted in program.tree.nodes(cst.SimpleString):
        in_annotation = any(isinstance(each, cst.Annotation) for each in program.tree.ancestors(quoted))
        if in_annotation and literal(quoted) in HANDLES:
            program.change(quoted, SC201, "the handle's type is DeploymentHandle", _quoted)
    for node in program.tree.nodes(cst.Name, cst.Attribute):
        around = list(program.tree.ancestors(node))[:2]
        parent = around[0] if around else None
        in_import = any(isinstance(each, cst.Import | cst.ImportFrom) for each in around)
        if in_import or not (is_load(program.tree, node) or isinstance(parent, cst.Annotation)):
            continue
        name = program.infer.library(node)
        if not name.startswith("ray.serve."):
            continue
        parts = name.split(".")[2:]
        if parts[-1] in done or any(each in program.settled for each in (node, *program.tree.ancestors(node))):
            continue
        if parts[-1] in HANDLES:
            program.change(node, SC201, "the handle's type is DeploymentHandle", _renamed)
        elif len(parts) <= 2 and parts[0] not in CONVERTED and not is_todays(".".join(parts)):
            _gone(program, node, name)


def _renamed(updated: cst.CSTNode) -> cst.CSTNode:
    if isinstance(updated, cst.Name):
        return updated.with_changes(value="DeploymentHandle")
    return updated.with_changes(attr=cst.Name("DeploymentHandle"))


def _quoted(updated: cst.CSTNode) -> cst.CSTNode:
    assert isinstance(updated, cst.SimpleString)
    return updated.with_changes(value=f"{updated.quote}DeploymentHandle{updated.quote}")


def _gone(program: Program, node: cst.CSTNode, name: str) -> None:
    program.old = True
    program.block(node, SC215, f"{name} has no equivalent in today's Ray Serve")
