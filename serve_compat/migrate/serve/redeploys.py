"""`serve.get_deployment(name).deploy()`: the code is that of the only deployment of that name in the file."""

from __future__ import annotations

from functools import partial

import libcst as cst

from serve_compat.migrate.analysis.expressions import is_repeatable, literal
from serve_compat.migrate.analysis.values import Named
from serve_compat.migrate.serve.definitions import DROPPED, MOVED, RENAMED
from serve_compat.migrate.serve.deploys import Address, address, is_visible, run_call, serve_name, without_blocking
from serve_compat.migrate.serve.lookups import SC211, running_as
from serve_compat.migrate.serve.program import Program


def convert_redeploys(program: Program) -> None:
    """Plan `serve.run` for every `.deploy()` of what get_deployment() found."""
    for node in list(program.infer.calls.by_name.get("deploy", ())):
        if isinstance(node.func, cst.Attribute) and any(
            isinstance(value, Named) for value in program.infer.of(node.func.value)
        ):
            _deploy_by_name(program, node)


def _deploy_by_name(program: Program, node: cst.Call) -> None:
    """`serve.get_deployment("x").deploy()`: the code is that of the only deployment of that name in this file."""
    assert isinstance(node.func, cst.Attribute)
    source = deployed_as(program, node.func.value)
    if source is None:
        program.block(node, SC211, "what get_deployment() would find here cannot be told from this file")
        return
    receiver, before, init, where = source
    blocking, args = without_blocking(node)
    if not args and init and not all(is_repeatable(arg.value) and is_visible(program, arg.value, node) for arg in init):
        program.block(node, SC211, "the constructor's arguments of the first deploy() cannot be repeated here")
        return
    if _is_changed_before(program, node, node.func.value):
        program.block(node, SC211, "options of an earlier get_deployment(...).deploy() would be lost here")
        return
    named = next(value for value in program.infer.of(node.func.value) if isinstance(value, Named))
    given = [arg for call in named.options for arg in call.args]
    names = {arg.keyword.value for arg in given if arg.keyword is not None}
    options = [*(arg for arg in before if arg.keyword is not None and arg.keyword.value not in names), *given]
    program.change(
        node,
        SC211,
        "get_deployment(...).deploy() becomes another serve.run() of the same application",
        partial(_rerun, serve_name(program, node), receiver, where, args or init, options, blocking is not False),
    )


def _is_changed_before(program: Program, node: cst.Call, receiver: cst.BaseExpression) -> bool:
    """Did another get_deployment() of this file deploy with options before? Today nothing remembers them."""
    mine = {value.call for value in program.infer.of(receiver) if isinstance(value, Named)}
    return any(
        isinstance(value, Named) and value.options and value.call not in mine
        for call, value in program.receivers("deploy")
        if program.tree.order[call] < program.tree.order[node]
    )


def _rerun(
    serve: cst.BaseExpression,
    receiver: cst.BaseExpression,
    where: Address,
    init: list[cst.Arg],
    options: list[cst.Arg],
    blocking: bool,
    updated: cst.CSTNode,
) -> cst.CSTNode:
    kept = [
        arg.with_changes(keyword=cst.Name(RENAMED.get(arg.keyword.value, arg.keyword.value)))
        for arg in options
        if arg.keyword is not None and arg.keyword.value not in MOVED and arg.keyword.value not in DROPPED
    ]
    if kept:
        kept[-1] = kept[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)
        receiver = cst.Call(cst.Attribute(receiver, cst.Name("options")), kept)
    return run_call(serve, cst.Call(cst.Attribute(receiver, cst.Name("bind")), init), where, blocking)


def deployed_as(
    program: Program, expression: cst.BaseExpression
) -> tuple[cst.BaseExpression, list[cst.Arg], list[cst.Arg], Address] | None:
    """What runs under the name: (deployment expression, options, constructor's arguments, address)."""
    named = [value for value in program.infer.of(expression) if isinstance(value, Named)]
    wanted = literal(named[0].name) if len(named) == 1 else None
    found = running_as(program, wanted, named[0].call) if wanted is not None else None
    if found is None:
        return None
    call, value = found
    if not isinstance(call.func, cst.Attribute) or call.func.attr.value != "deploy":
        return None
    receiver, options = call.func.value, list[cst.Arg]()
    if isinstance(receiver, cst.Call) and isinstance(receiver.func, cst.Attribute):
        options = list(receiver.args)
        receiver = receiver.func.value
    plain = all(is_repeatable(arg.value) and is_visible(program, arg.value, expression) for arg in options)
    if not isinstance(receiver, cst.Name) or not plain or value.option("init_args", "init_kwargs") is not None:
        return None
    where = address(program, call, call.func.value)
    return (receiver, options, without_blocking(call)[1], where) if where is not None else None
