"""What runs under a name at a place of the program: by which call, with which options and constructor arguments."""

from __future__ import annotations

import libcst as cst

from serve_compat.migrate.serve_stage.deploys import deployment_name
from serve_compat.migrate.serve_stage.expressions import literal
from serve_compat.migrate.serve_stage.program import Program
from serve_compat.migrate.serve_stage.values import Deployment, Named, Node

Deployed = tuple[cst.Call, Deployment]


def deployments(program: Program) -> list[Deployed] | None:
    """Every deployment of the file with the `.deploy()` or `.bind()` that makes it run, in the order of the source.

    None where the name of one is no literal.
    """
    found = [(call, value) for call, value in program.receivers("deploy") if isinstance(value, Deployment)]
    for call in program.infer.calls.by_name.get("bind", ()):
        found += [(call, value.deployment) for value in program.infer.of(call) if isinstance(value, Node)]
    if any(literal(deployment_name(value)) is None for _, value in found):
        return None
    return sorted(found, key=lambda each: program.tree.order[each[0]])


def running_as(program: Program, name: str, place: cst.CSTNode) -> Deployed | None:
    """What runs under the name at the place.

    That of the only call for it, or of the last one before the place in one straight list of statements.
    """
    found = [each for each in deployments(program) or () if literal(deployment_name(each[1])) == name]
    if len(found) < 2:
        return found[0] if found else None
    block = _block(program, place)
    if block is None or any(_block(program, call) is not block for call, _ in found):
        return None
    before = [each for each in found if program.tree.order[each[0]] < program.tree.order[place]]
    return before[-1] if before else None


def _block(program: Program, node: cst.CSTNode) -> cst.CSTNode | None:
    line = program.tree.statement(node)
    block = program.tree.parents.get(line) if line is not None else None
    function = block is not None and isinstance(program.tree.parents.get(block), cst.FunctionDef)
    return block if isinstance(block, cst.Module) or function else None


def is_changed_by_name(program: Program, name: str, place: cst.CSTNode) -> bool:
    """Did a `get_deployment(name)` deploy something else before?"""
    return any(
        isinstance(value, Named) and literal(value.name) in (None, name) and (value.options or call.args)
        for call, value in program.receivers("deploy")
        if program.tree.order[call] < program.tree.order[place]
    )
