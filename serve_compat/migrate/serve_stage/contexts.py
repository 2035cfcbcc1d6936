"""What a replica knows about itself: its tag began with the deployment's name."""

from __future__ import annotations

import libcst as cst

from serve_compat.migrate.serve_stage.program import Program
from serve_compat.migrate.serve_stage.reaching import reaching
from serve_compat.migrate.serve_stage.uses import is_load


def convert_contexts(program: Program) -> None:
    """Plan the tag as it was for every `serve.get_replica_context().replica_tag`."""
    for node in program.tree.nodes(cst.Attribute):
        if not isinstance(node, cst.Attribute) or node.attr.value != "replica_tag" or not is_load(program.tree, node):
            continue
        if not _is_context(program, node.value):
            continue
        code = program.code(node.value)
        made = cst.parse_expression(f'f"{{{code}.deployment}}#{{{code}.replica_tag}}"')
        program.changes.setdefault(node, []).append(lambda updated, made=made: made)  # type: ignore[misc]
        program.notes.append((node, "SC213", "the tag of a replica begins with the name of its deployment"))


def _is_context(program: Program, node: cst.BaseExpression) -> bool:
    if isinstance(node, cst.Name):
        bindings = reaching(program.tree, node)
        return len(bindings) == 1 and bindings[0].kind == "value" and _is_call(program, bindings[0].node)
    return _is_call(program, node)


def _is_call(program: Program, node: cst.CSTNode) -> bool:
    return isinstance(node, cst.Call) and program.infer.library(node.func) == "ray.serve.get_replica_context"
