"""What a replica knows of itself: the names of Ray 1.2-1.7 for its backend, which is its deployment today."""

from __future__ import annotations

import libcst as cst

from serve_compat.migrate.serve_stage.deploys import serve_name
from serve_compat.migrate.serve_stage.program import Program
from serve_compat.migrate.serve_stage.reaching import reaching

_RULE = "SC230"
_TODAY = {"get_current_backend_tag": "deployment", "get_current_replica_tag": "replica_tag"}
_TAGS = ("backend_tag", "replica_tag")
REPLICA_NAMES = frozenset(_TODAY)
_CONTEXT = "ray.serve.get_replica_context"


def convert_replicas(program: Program) -> None:
    """Plan the changes of everything that asks a replica for its tags."""
    for node in program.tree.nodes(cst.Call, cst.Attribute):
        if isinstance(node, cst.Call):
            name = program.infer.library(node.func).removeprefix("ray.serve.")
            if name in _TODAY and not node.args:
                serve = program.code(serve_name(program, node))
                made = cst.parse_expression(f"{serve}.get_replica_context().{_TODAY[name]}")
                program.change(node, _RULE, f"{name}() is asked of the context", lambda updated, made=made: made)  # type: ignore[misc]
                _check_form(program, node, name)
        elif isinstance(node, cst.Attribute) and node.attr.value in _TAGS and _is_context(program, node.value):
            if node.attr.value == "backend_tag":
                program.change(node, _RULE, "backend_tag is called deployment", _renamed)
            _check_form(program, node, node.attr.value)


def _renamed(updated: cst.CSTNode) -> cst.CSTNode:
    return updated.with_changes(attr=cst.Name("deployment"))


def _is_context(program: Program, node: cst.BaseExpression) -> bool:
    if isinstance(node, cst.Name):
        values = [each.node for each in reaching(program.tree, node)]
        return bool(values) and all(_is_asked(program, each) for each in values)
    return _is_asked(program, node)


def _is_asked(program: Program, node: cst.CSTNode) -> bool:
    return isinstance(node, cst.Call) and program.infer.library(node.func) == _CONTEXT


def _check_form(program: Program, node: cst.BaseExpression, name: str) -> None:
    """A replica's tag was `<backend>#<letters>`: who takes it apart would find something else."""
    parent = program.tree.parents.get(node)
    if "replica" in name and isinstance(parent, cst.Attribute | cst.Subscript | cst.ComparisonTarget):
        program.block(node, "SC215", "a replica's tag has another form today, and this looks into it")
