"""Updates that left replicas alone: today every run of an application replaces them, and what they remember is lost."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise

import libcst as cst

from serve_compat.migrate.children import walk
from serve_compat.migrate.router import is_router
from serve_compat.migrate.serve_stage.defaults import changes_state
from serve_compat.migrate.serve_stage.deploys import deployment_name, without_blocking
from serve_compat.migrate.serve_stage.expressions import is_none
from serve_compat.migrate.serve_stage.program import Program
from serve_compat.migrate.serve_stage.values import Deployment

_QUIET = {"deploy", "options", "get_handle", "get_deployment", "start"}
Update = tuple[cst.Call, Deployment]


def check_lifetimes(program: Program) -> None:
    """Forbid the conversion where a deployment is deployed again under the same version, and that shows."""
    found: dict[tuple[str, str], list[Update]] = defaultdict(list)
    for call, value in program.receivers("deploy"):
        version = value.option("version") if isinstance(value, Deployment) else None
        if isinstance(value, Deployment) and version is not None and not is_none(version):
            name = deployment_name(value)
            found[program.code(name) if name is not None else "", program.code(version)].append((call, value))
    for updates in found.values():
        if len({call for call, _ in updates}) > 1:
            _check(program, updates)


def _check(program: Program, updates: list[Update]) -> None:
    last, deployment = max(updates, key=lambda each: program.tree.order[each[0]])
    if is_router(deployment.code):
        return
    calls = sorted({call for call, _ in updates}, key=lambda each: program.tree.order[each])
    used = not all(_nothing_happens(program, one, other) for one, other in pairwise(calls))
    arguments = {", ".join(program.code(arg.value) for arg in without_blocking(call)[1]) for call, _ in updates}
    if used and changes_state(deployment.code):
        program.block(last, "SC217", "this update keeps the replicas and what they remember; today's replaces them")
    elif len(arguments) > 1 or len({value.code for _, value in updates}) > 1:
        program.block(last, "SC217", "the version stays the same, so that old releases kept the code and its arguments")


def _nothing_happens(program: Program, one: cst.Call, other: cst.Call) -> bool:
    """Stand the two in one list of statements, with none between them that could call the deployment?"""
    first, last = program.tree.statement(one), program.tree.statement(other)
    block = program.tree.parents.get(first) if first is not None else None
    body = list(block.body) if isinstance(block, cst.Module | cst.IndentedBlock) else []
    if first is None or last is None or first not in body or last not in body:
        return False
    calls = [
        each for line in body[body.index(first) : body.index(last)] for each in walk(line) if isinstance(each, cst.Call)
    ]
    return all(isinstance(each.func, cst.Attribute) and each.func.attr.value in _QUIET for each in calls)
