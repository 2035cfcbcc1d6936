"""Deployments that are called before they are deployed: old handles waited, today's lookups fail."""

from __future__ import annotations

import libcst as cst

from serve_compat.migrate.serve_stage.expressions import is_repeatable
from serve_compat.migrate.serve_stage.program import Program


def can_come_first(program: Program, deploy: cst.Call, place: cst.CSTNode) -> bool:
    """Plan to move a `.deploy()` in front of the statement of the place; False where that might change more.

    Between the two only deployments are made and handles taken, and nothing that the `.deploy()` is given.
    """
    line, other = program.tree.statement(deploy), program.tree.statement(place)
    block = program.tree.parents.get(line) if line is not None else None
    if (
        line is None
        or other is None
        or not isinstance(block, cst.Module | cst.IndentedBlock)
        or other not in block.body
    ):
        return False
    if not isinstance(line, cst.SimpleStatementLine) or not isinstance(program.tree.parents[deploy], cst.Expr):
        return False
    body = list(block.body)
    between = body[body.index(other) : body.index(line)]
    if not all(_is_harmless(each) for each in between) or not all(is_repeatable(arg.value) for arg in deploy.args):
        return False
    if line not in program.moved:
        program.moved[line] = other
        program.notes.append(
            (deploy, "SC208", "what is called is deployed first: today its handle cannot be taken before")
        )
    return True


def _is_harmless(line: cst.CSTNode) -> bool:
    small = line.body[0] if isinstance(line, cst.SimpleStatementLine) and len(line.body) == 1 else None
    call = small.value if isinstance(small, cst.Expr | cst.Assign) else None
    method = call.func.attr.value if isinstance(call, cst.Call) and isinstance(call.func, cst.Attribute) else ""
    return method == ("deploy" if isinstance(small, cst.Expr) else "get_handle")
