"""Handles that leave the file, and options that today's handles do not have."""

from __future__ import annotations

import libcst as cst

from serve_compat.migrate.analysis.values import Box, Handle, Row, Value
from serve_compat.migrate.rule import Rule
from serve_compat.migrate.serve.definitions import SC219
from serve_compat.migrate.serve.program import Program

SC221 = Rule(
    "SC221",
    "a handle that leaves the file keeps it on serve_compat",
    "serve",
    "The code that receives it may expect ObjectRefs.",
    automatic=False,
)


def check_handles(program: Program) -> None:
    """A handle that leaves the file meets code that still expects ObjectRefs: the file stays on serve_compat."""
    fine = {"flows", "sent", "tested", "printed", "attribute", "dropped", "iterated", "subscripted"}
    for node, values in program.loads():
        if not any(_holds_handle(value) for value in values):
            continue
        use = program.uses.of(node)
        if use.kind not in fine:
            program.block(node, SC221, "a handle is passed to code outside of this file, which may expect ObjectRefs")
        elif use.kind == "attribute" and isinstance(use.node, cst.Attribute):
            _check_handle_call(program, use.node)


def _check_handle_call(program: Program, node: cst.Attribute) -> None:
    call = program.tree.parents[node]
    if node.attr.value == "remote" and not (isinstance(call, cst.Call) and call.func is node):
        program.block(node, SC221, "calls of this handle happen where their results cannot be followed")
    if node.attr.value == "options" and isinstance(call, cst.Call):
        for arg in call.args:
            if arg.keyword is None or arg.keyword.value not in ("method_name", "stream", "multiplexed_model_id"):
                program.block(call, SC219, "today's handles have no such option")


def _holds_handle(value: Value) -> bool:
    if isinstance(value, Box):
        return any(_holds_handle(each) for each in value.items)
    if isinstance(value, Row):
        return any(_holds_handle(each) for column in value.items for each in column)
    return isinstance(value, Handle)
