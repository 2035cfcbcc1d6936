"""Options of `@serve.deployment(...)`, of the call form and of `.options(...)`: from any old release to today's."""

from __future__ import annotations

import libcst as cst

from serve_compat.migrate.analysis.values import Deployment, Named
from serve_compat.migrate.rule import Rule
from serve_compat.migrate.serve.autoscaling import SC205, convert_autoscaling
from serve_compat.migrate.serve.program import Program
from serve_compat.migrate.writing.arguments import with_args

SC206 = Rule(
    "SC206",
    "route_prefix=, init_args= and init_kwargs= of a deployment move to serve.run() and bind()",
    "serve",
    "Routes belong to applications today, and constructor arguments to the bound deployment.",
)
SC207 = Rule(
    "SC207",
    "version= and prev_version= go",
    "serve",
    "Today's decorator refuses them.",
    differs="Running an application again replaces its replicas: a change of user_config alone restarts them, and"
    " what they kept in memory is lost.",
)
SC219 = Rule(
    "SC219",
    "an option or attribute without an equivalent keeps the file on serve_compat",
    "serve",
    "Today's deployments and handles do not have it.",
    automatic=False,
)

RENAMED = {
    "max_concurrent_queries": "max_ongoing_requests",
    "_autoscaling_config": "autoscaling_config",
    "_graceful_shutdown_wait_loop_s": "graceful_shutdown_wait_loop_s",
    "_graceful_shutdown_timeout_s": "graceful_shutdown_timeout_s",
    "_health_check_period_s": "health_check_period_s",
    "_health_check_timeout_s": "health_check_timeout_s",
}
MOVED = {"route_prefix": SC206, "init_args": SC206, "init_kwargs": SC206}
DROPPED = {"version": SC207, "prev_version": SC207}
KNOWN = {
    *RENAMED.values(),
    *[
        "name",
        "num_replicas",
        "ray_actor_options",
        "user_config",
        "func_or_class",
        "placement_group_bundles",
        "placement_group_strategy",
        "max_replicas_per_node",
        "max_queued_requests",
        "logging_config",
        "request_router_config",
    ],
}


def convert_definitions(program: Program) -> None:
    """Plan the changes of every decorator and call that carries options of a deployment."""
    for node in program.tree.nodes(cst.Call):
        if program.infer.library(node.func) == "ray.serve.deployment":
            _convert_options(program, node)
        elif isinstance(node.func, cst.Attribute) and node.func.attr.value in ("options", "set_options"):
            values = program.infer.of(node.func.value)
            if any(isinstance(value, Deployment | Named) for value in values):
                if node.func.attr.value == "set_options":
                    program.block(node, SC219, "set_options() changes a deployment in place; today's has no such call")
                _convert_options(program, node)


def _convert_options(program: Program, call: cst.Call) -> None:
    for position, arg in enumerate(call.args):
        if arg.keyword is None:
            _check_unnamed(program, call, arg, position)
            continue
        name = arg.keyword.value
        if name in ("is_driver_deployment", "config") or (name not in KNOWN | set(RENAMED) | set(MOVED) | set(DROPPED)):
            program.block(call, SC219, f"today's deployments have no option {name}=")
        if name in ("route_prefix",) and _is_bad_prefix(arg.value):
            program.block(
                call, SC206, "this route_prefix was an error when the deployment was made; today only at serve.run"
            )
        if name in ("_autoscaling_config", "autoscaling_config"):
            convert_autoscaling(program, arg)
    old = {arg.keyword.value for arg in call.args if arg.keyword} & {*RENAMED, *MOVED, *DROPPED}
    if old:
        rules = {name: MOVED.get(name) or DROPPED.get(name) or SC205 for name in old}
        for name in sorted(old):
            program.notes.append((call, rules[name], _said(name)))
        program.old = True
        program.edits.change(call, _today)


def _said(name: str) -> str:
    if name in RENAMED:
        return f"{name}= is called {RENAMED[name]}= today"
    if name in MOVED:
        return f"{name}= moves to serve.run() and bind()"
    return f"{name}= is gone: every run of an application replaces its replicas"


def _check_unnamed(program: Program, call: cst.Call, arg: cst.Arg, position: int) -> None:
    is_code = position == 0 and arg.star == "" and not isinstance(arg.value, cst.BaseString)
    if not is_code:
        program.block(call, SC219, "options of this deployment are not written out as name=value")


def _is_bad_prefix(value: cst.BaseExpression) -> bool:
    if not isinstance(value, cst.SimpleString):
        return False
    prefix = str(value.evaluated_value)
    return not prefix.startswith("/") or (prefix != "/" and prefix.endswith("/")) or "{" in prefix or "}" in prefix


def _today(updated: cst.CSTNode) -> cst.CSTNode:
    assert isinstance(updated, cst.Call)
    args = []
    for arg in updated.args:
        name = arg.keyword.value if arg.keyword is not None else ""
        if name in MOVED or name in DROPPED:
            continue
        args.append(arg.with_changes(keyword=cst.Name(RENAMED[name])) if name in RENAMED else arg)
    made = with_args(updated, args)
    is_options = isinstance(made.func, cst.Attribute) and made.func.attr.value == "options"
    if not args and is_options and isinstance(made.func, cst.Attribute):
        return made.func.value
    return made
