"""What would go wrong silently: errors that have other types today, state that a change of options loses."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise

import libcst as cst

from serve_compat.migrate.analysis.children import walk
from serve_compat.migrate.analysis.expressions import deployment_name, is_none
from serve_compat.migrate.analysis.values import Deployment, Library
from serve_compat.migrate.rule import Rule
from serve_compat.migrate.serve.defaults import changes_state
from serve_compat.migrate.serve.deploys import without_blocking
from serve_compat.migrate.serve.lookups import SC211
from serve_compat.migrate.serve.program import Program
from serve_compat.migrate.writing.router_text import is_router

SC216 = Rule(
    "SC216",
    "an expected error of another type keeps the file on serve_compat",
    "serve",
    "A route that is taken, for example, was a ValueError and is a RayServeException today.",
    automatic=False,
)
SC217 = Rule(
    "SC217",
    "an update that must keep its process keeps the file on serve_compat",
    "serve",
    "Today every run of an application replaces its replicas.",
    automatic=False,
)

_OTHERS = ("ValueError", "TypeError", "AssertionError")


def check_errors(program: Program) -> None:
    """Forbid the conversion where the program relies on what only old releases did."""
    for node in program.tree.nodes(cst.Call):
        func = node.func
        if not isinstance(func, cst.Attribute) or func.attr.value not in ("deploy", "delete"):
            continue
        if any(isinstance(value, Deployment) for value in program.infer.of(func.value)):
            _check_try(program, node)
    _check_identity(program)
    for name in ("deploy", "get_handle"):
        for node in program.infer.calls.by_name.get(name, ()):
            _check_known(program, node)


def _check_known(program: Program, node: cst.Call) -> None:
    """A deployment that cannot be traced must not be left behind in a file whose other deployments move on."""
    if not isinstance(node.func, cst.Attribute) or node.func.attr.value not in ("deploy", "get_handle"):
        return
    values = program.infer.of(node.func.value)
    traced = any(not isinstance(value, Library) for value in values)
    elsewhere = any(isinstance(value, Library) and value.name.startswith("ray.") for value in values)
    if not traced and not elsewhere:
        program.block(node, SC211, "the deployment this belongs to is not defined in the given files")


def _check_try(program: Program, node: cst.Call) -> None:
    child: cst.CSTNode = node
    for parent in program.tree.ancestors(node):
        if isinstance(parent, cst.FunctionDef):
            return
        if isinstance(parent, cst.Try) and child is parent.body:
            for handler in parent.handlers:
                kind = program.code(handler.type) if handler.type is not None else ""
                if any(other in kind for other in _OTHERS):
                    program.block(node, SC216, "the errors that are expected here have other types today")
        child = parent


def _check_identity(program: Program) -> None:
    """A program that compares process ids of a replica before and after an update relies on updates in place.

    The process of a generated router is nobody's concern: what it holds is all in its user_config.
    """
    updated = [
        call
        for call in program.infer.calls.by_name.get("options", ())
        if any(isinstance(value, Deployment) and not is_router(value.code) for value in program.infer.of(call))
        and {arg.keyword.value for arg in call.args if arg.keyword} & {"user_config", "num_replicas"}
    ]
    versioned = any(
        arg.keyword is not None and arg.keyword.value == "version"
        for node in program.tree.nodes(cst.Call)
        if not any(is_router(each) for each in program.tree.ancestors(node))
        for arg in node.args
    )
    if not (updated and versioned and program.infer.calls.by_name.get("getpid")):
        return
    for node in program.tree.nodes(cst.Comparison):
        text = program.code(node)
        compares = "==" in text or "!=" in text or " in " in text
        if compares and ("pid" in text or ".remote(" in text):
            program.block(updated[0], SC217, "this update keeps the replica's process, which today's does not")


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
        program.block(last, SC217, "this update keeps the replicas and what they remember; today's replaces them")
    elif len(arguments) > 1 or len({value.code for _, value in updates}) > 1:
        program.block(last, SC217, "the version stays the same, so that old releases kept the code and its arguments")


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
