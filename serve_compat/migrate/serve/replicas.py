"""What a replica knows of itself: the names of Ray 1.2-1.7 for its backend, and the form that its own tag had."""

from __future__ import annotations

import libcst as cst

from serve_compat.migrate.analysis.reaching import reaching
from serve_compat.migrate.analysis.uses import is_load
from serve_compat.migrate.rule import Rule
from serve_compat.migrate.serve.deploys import serve_name
from serve_compat.migrate.serve.program import Program, becomes
from serve_compat.migrate.writing.edits import Change

SC225 = Rule(
    "SC225",
    "what a replica asks about itself has the names of today",
    "serve",
    "get_current_backend_tag() and backend_tag are the deployment of serve.get_replica_context(); a replica's tag"
    " gets the deployment's name in front again.",
)

REPLICA_NAMES = frozenset({"get_current_backend_tag", "get_current_replica_tag"})
_CONTEXT = "ray.serve.get_replica_context"


def convert_replicas(program: Program) -> None:
    """Plan the changes of everything that asks a replica for its tags."""
    for node in program.tree.nodes(cst.Call, cst.Attribute):
        if isinstance(node, cst.Call):
            name = program.infer.library(node.func).removeprefix("ray.serve.")
            if name in REPLICA_NAMES and not node.args:
                asked = f"{program.code(serve_name(program, node))}.get_replica_context()"
                made = f"{asked}.deployment" if name == "get_current_backend_tag" else _tag(asked)
                _replace(program, node, made, f"{name}() is asked of the context")
        elif isinstance(node, cst.Attribute) and is_load(program.tree, node) and _is_context(program, node.value):
            if node.attr.value == "backend_tag":
                _replace(program, node, f"{program.code(node.value)}.deployment", "backend_tag is called deployment")
            elif node.attr.value == "replica_tag":
                why = "the tag of a replica began with the name of its deployment"
                program.follow(node, SC225, why, _becomes(_tag(program.code(node.value))))  # today's have the name


def _tag(context: str) -> str:
    return f'f"{{{context}.deployment}}#{{{context}.replica_tag}}"'


def _replace(program: Program, node: cst.BaseExpression, made: str, why: str) -> None:
    program.change(node, SC225, why, _becomes(made))


def _becomes(made: str) -> Change:
    return becomes(cst.parse_expression(made))


def _is_context(program: Program, node: cst.BaseExpression) -> bool:
    if isinstance(node, cst.Name):
        values = [each.node for each in reaching(program.tree, node)]
        return bool(values) and all(_is_asked(program, each) for each in values)
    return _is_asked(program, node)


def _is_asked(program: Program, node: cst.CSTNode) -> bool:
    return isinstance(node, cst.Call) and program.infer.library(node.func) == _CONTEXT
