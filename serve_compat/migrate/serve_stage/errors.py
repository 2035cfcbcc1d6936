"""What would go wrong silently: errors that have other types today, state that a change of options loses."""

from __future__ import annotations

import libcst as cst

from serve_compat.migrate.router import is_router
from serve_compat.migrate.serve_stage.program import Program
from serve_compat.migrate.serve_stage.values import Deployment, Library

_OTHERS = ("ValueError", "TypeError", "AssertionError")


def check_errors(program: Program) -> None:
    """Forbid the conversion where the program relies on what only old releases did."""
    for node in program.tree.nodes(cst.Call):
        assert isinstance(node, cst.Call)
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
        program.block(node, "SC211", "the deployment this belongs to is not defined in the given files")


def _check_try(program: Program, node: cst.Call) -> None:
    child: cst.CSTNode = node
    for parent in program.tree.ancestors(node):
        if isinstance(parent, cst.FunctionDef):
            return
        if isinstance(parent, cst.Try) and child is parent.body:
            for handler in parent.handlers:
                kind = program.code(handler.type) if handler.type is not None else ""
                if any(other in kind for other in _OTHERS):
                    program.block(node, "SC216", "the errors that are expected here have other types today")
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
        if isinstance(node, cst.Call) and not any(is_router(each) for each in program.tree.ancestors(node))
        for arg in node.args
    )
    if not (updated and versioned and program.infer.calls.by_name.get("getpid")):
        return
    for node in program.tree.nodes(cst.Comparison):
        text = program.code(node)
        compares = "==" in text or "!=" in text or " in " in text
        if compares and ("pid" in text or ".remote(" in text):
            program.block(updated[0], "SC217", "this update keeps the replica's process, which today's does not")
