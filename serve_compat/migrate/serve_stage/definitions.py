"""Options of `@serve.deployment(...)`, of the call form and of `.options(...)`: from any old release to today's."""

from __future__ import annotations

from functools import partial

import libcst as cst

from serve_compat.migrate.serve_stage.program import Program
from serve_compat.migrate.serve_stage.values import Deployment, Maker, Named

RENAMED = {
    "max_concurrent_queries": "max_ongoing_requests",
    "_autoscaling_config": "autoscaling_config",
    "_graceful_shutdown_wait_loop_s": "graceful_shutdown_wait_loop_s",
    "_graceful_shutdown_timeout_s": "graceful_shutdown_timeout_s",
    "_health_check_period_s": "health_check_period_s",
    "_health_check_timeout_s": "health_check_timeout_s",
}
MOVED = {"route_prefix": "SC206", "init_args": "SC206", "init_kwargs": "SC206"}
DROPPED = {"version": "SC207", "prev_version": "SC207"}
AUTOSCALING = {
    "target_num_ongoing_requests_per_replica": "target_ongoing_requests",
    "smoothing_factor": "upscaling_factor",
    "upscale_smoothing_factor": "upscaling_factor",
    "downscale_smoothing_factor": "downscaling_factor",
}
KNOWN = {
    *RENAMED.values(),
    *"name num_replicas ray_actor_options user_config func_or_class placement_group_bundles placement_group_strategy "
    "max_replicas_per_node max_queued_requests logging_config request_router_config".split(),
}


def convert_definitions(program: Program) -> None:
    """Plan the changes of every decorator and call that carries options of a deployment."""
    for node in program.tree.nodes(cst.Call):
        assert isinstance(node, cst.Call)
        if program.infer.library(node.func) == "ray.serve.deployment":
            _convert_options(program, node)
        elif isinstance(node.func, cst.Attribute) and node.func.attr.value in ("options", "set_options"):
            values = program.infer.of(node.func.value)
            if any(isinstance(value, Deployment | Named) for value in values):
                if node.func.attr.value == "set_options":
                    program.block(node, "SC219", "set_options() changes a deployment in place; today's has no such call")
                _convert_options(program, node)


def pin_concurrency(program: Program) -> None:
    """Where no definition says how many requests a replica takes at once, say what old releases meant: 100."""
    if not program.options.pin:
        return
    for node in program.tree.nodes(cst.Decorator, cst.Call):
        if isinstance(node, cst.Decorator) and not isinstance(node.decorator, cst.Call):
            if program.infer.library(node.decorator) == "ray.serve.deployment":
                _pin(program, node.decorator, None)
        elif isinstance(node, cst.Call) and program.infer.library(node.func) == "ray.serve.deployment":
            names = {arg.keyword.value for arg in node.args if arg.keyword is not None}
            if not names & {"max_concurrent_queries", "max_ongoing_requests", "config"}:
                _pin(program, node, node)


def _pin(program: Program, node: cst.BaseExpression, call: cst.Call | None) -> None:
    limit = "1" if _must_not_overlap(program, node) else "100"
    pin = keyword("max_ongoing_requests", cst.Integer(limit))
    message = f"max_ongoing_requests={limit}, which old releases had; today's default is 5"

    def change(updated: cst.CSTNode) -> cst.CSTNode:
        if isinstance(updated, cst.Call):
            return with_args(updated, [*updated.args, pin])
        assert isinstance(updated, cst.Name | cst.Attribute)
        return cst.Call(func=updated, args=[pin])

    program.changes.setdefault(node, []).append(change)
    program.notes.append((node, "SC218", message))


def _must_not_overlap(program: Program, node: cst.BaseExpression) -> bool:
    """Does synchronous code of the class change the state of its object, so that two calls at once would race?"""
    code: cst.CSTNode | None = None
    for value in program.infer.of(program.tree.parents.get(node)) | program.infer.of(node):
        code = value.code if isinstance(value, Deployment) else code
    decorator = program.tree.parents.get(node)
    if isinstance(decorator, cst.Decorator):
        code = program.tree.parents[decorator]
    if isinstance(code, cst.FunctionDef):
        return code.asynchronous is None and _changes_globals(code)
    if not isinstance(code, cst.ClassDef):
        return False
    methods = [each for each in code.body.body if isinstance(each, cst.FunctionDef)]
    if any(each.asynchronous is not None for each in methods):
        return False
    quiet = ("__init__", "reconfigure", "check_health", "__del__")
    return any(_changes_self(each) for each in methods if each.name.value not in quiet)


_MUTATORS = {"append", "add", "pop", "update", "extend", "remove", "insert", "clear", "setdefault", "popleft", "appendleft"}


class _Writes(cst.CSTVisitor):
    def __init__(self) -> None:
        super().__init__()
        self.self_written = False
        self.global_written = False

    def visit_AssignTarget(self, node: cst.AssignTarget) -> None:
        self._target(node.target)

    def visit_AugAssign(self, node: cst.AugAssign) -> None:
        self._target(node.target)

    def visit_Global(self, node: cst.Global) -> None:
        self.global_written = True

    def visit_Call(self, node: cst.Call) -> None:
        if isinstance(node.func, cst.Attribute) and node.func.attr.value in _MUTATORS:
            self._target(node.func.value)

    def _target(self, target: cst.CSTNode) -> None:
        while isinstance(target, cst.Attribute | cst.Subscript):
            target = target.value
            if isinstance(target, cst.Name) and target.value == "self":
                self.self_written = True


def _changes_self(method: cst.FunctionDef) -> bool:
    writes = _Writes()
    method.visit(writes)
    return writes.self_written or writes.global_written


def _changes_globals(function: cst.FunctionDef) -> bool:
    writes = _Writes()
    function.visit(writes)
    return writes.global_written


def _convert_options(program: Program, call: cst.Call) -> None:
    for position, arg in enumerate(call.args):
        if arg.keyword is None:
            _check_unnamed(program, call, arg, position)
            continue
        name = arg.keyword.value
        if name in ("is_driver_deployment", "config") or (name not in KNOWN | set(RENAMED) | set(MOVED) | set(DROPPED)):
            program.block(call, "SC219", f"today's deployments have no option {name}=")
        if name in ("route_prefix",) and _is_bad_prefix(arg.value):
            program.block(call, "SC206", "this route_prefix was an error when the deployment was made; today only at serve.run")
        if name in ("_autoscaling_config", "autoscaling_config"):
            _convert_autoscaling(program, arg)
    old = {arg.keyword.value for arg in call.args if arg.keyword} & {*RENAMED, *MOVED, *DROPPED}
    if old:
        rules = {name: MOVED.get(name) or DROPPED.get(name) or "SC205" for name in old}
        for name in sorted(old):
            program.notes.append((call, rules[name], _said(name)))
        program.old = True
        program.changes.setdefault(call, []).append(_today)


def _said(name: str) -> str:
    if name in RENAMED:
        return f"{name}= is called {RENAMED[name]}= today"
    if name in MOVED:
        return f"{name}= moves to serve.run() and bind()"
    return f"{name}= is gone: every run of an application replaces its replicas"


def _check_unnamed(program: Program, call: cst.Call, arg: cst.Arg, position: int) -> None:
    is_code = position == 0 and arg.star == "" and not isinstance(arg.value, cst.BaseString)
    if not is_code:
        program.block(call, "SC219", "options of this deployment are not written out as name=value")


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


def _convert_autoscaling(program: Program, arg: cst.Arg) -> None:
    value = arg.value
    if isinstance(value, cst.Name):
        bindings = program.tree.scopes[value].lookup(value.value)
        value = bindings[0].node if len(bindings) == 1 and bindings[0].kind == "value" else value  # type: ignore[assignment]
    names: set[str] | None = None
    if isinstance(value, cst.Dict) and all(_key(each) for each in value.elements):
        names = {_key(each) for each in value.elements}
    elif isinstance(value, cst.Call) and program.infer.library(value.func).endswith(".AutoscalingConfig"):
        names = {each.keyword.value for each in value.args if each.keyword is not None}
    if names is not None:
        was_old = program.old
        message = "the autoscaling config has today's names and says what was a default"
        if value not in program.changes:  # one config may serve several deployments
            program.change(value, "SC205", message, partial(_scaled, program.options.pin))
        program.old = was_old or bool(names & set(AUTOSCALING))
    elif not (isinstance(value, cst.Name) and value.value == "None"):
        program.block(arg, "SC205", "the autoscaling config is not written out here, so its keys cannot be renamed")


def _scaled(pin: bool, updated: cst.CSTNode) -> cst.CSTNode:
    if isinstance(updated, cst.Dict):
        return _scaled_dict(pin, updated)
    assert isinstance(updated, cst.Call)
    args: list[cst.Arg] = []
    names = {arg.keyword.value for arg in updated.args if arg.keyword is not None}
    for arg in updated.args:
        name = arg.keyword.value if arg.keyword is not None else ""
        args.append(arg.with_changes(keyword=cst.Name(AUTOSCALING[name])) if name in AUTOSCALING else arg)
        if name == "smoothing_factor" and not names & {"downscale_smoothing_factor", "downscaling_factor"}:
            args.append(keyword("downscaling_factor", arg.value))
    if pin and not names & {"target_num_ongoing_requests_per_replica", "target_ongoing_requests"}:
        args.append(keyword("target_ongoing_requests", cst.Integer("1")))
    return with_args(updated, args)


def _scaled_dict(pin: bool, updated: cst.Dict) -> cst.Dict:
    elements: list[cst.BaseDictElement] = []
    names = {_key(each) for each in updated.elements}
    for each in updated.elements:
        name = _key(each)
        assert isinstance(each, cst.DictElement)
        if name not in AUTOSCALING:
            elements.append(each)
            continue
        key = each.key
        assert isinstance(key, cst.SimpleString)
        elements.append(each.with_changes(key=_renamed(key, AUTOSCALING[name])))
        if name == "smoothing_factor" and not names & {"downscale_smoothing_factor", "downscaling_factor"}:
            elements.append(each.with_changes(key=_renamed(key, "downscaling_factor")))
    if pin and not names & {"target_num_ongoing_requests_per_replica", "target_ongoing_requests"}:
        elements = [*elements, _like_last(elements, "target_ongoing_requests", cst.Integer("1"))]
    return updated.with_changes(elements=_separated(elements, updated.elements))


def _like_last(elements: list[cst.BaseDictElement], name: str, value: cst.BaseExpression) -> cst.DictElement:
    last = elements[-1] if elements else None
    if isinstance(last, cst.DictElement) and isinstance(last.key, cst.SimpleString):
        return last.with_changes(key=_renamed(last.key, name), value=value)
    return cst.DictElement(cst.SimpleString(f'"{name}"'), value)


def _separated(elements: list[cst.BaseDictElement], old: object) -> list[cst.BaseDictElement]:
    """Commas: those of the old elements are reused, so that a dict over several lines stays one."""
    commas = [each.comma for each in old if isinstance(each.comma, cst.Comma)]  # type: ignore[attr-defined]
    between = commas[0] if len(commas) > 0 and len(list(old)) > 1 else cst.Comma(cst.SimpleWhitespace(""), cst.SimpleWhitespace(" "))  # type: ignore[call-overload]
    last = list(old)[-1].comma if list(old) else cst.MaybeSentinel.DEFAULT  # type: ignore[call-overload]
    done = [
        each if number < len(elements) - 1 and isinstance(each.comma, cst.Comma) and each.comma is not last else each.with_changes(comma=between)
        for number, each in enumerate(elements)
    ]
    if done:
        done[-1] = done[-1].with_changes(comma=last)
    return done


def _key(element: cst.BaseDictElement) -> str:
    key = element.key if isinstance(element, cst.DictElement) else None
    return str(key.evaluated_value) if isinstance(key, cst.SimpleString) else ""


def _renamed(key: cst.SimpleString, name: str) -> cst.SimpleString:
    return key.with_changes(value=f"{key.quote}{name}{key.quote}")


def keyword(name: str, value: cst.BaseExpression) -> cst.Arg:
    """`name=value` as an argument."""
    return cst.Arg(
        keyword=cst.Name(name),
        value=value,
        equal=cst.AssignEqual(cst.SimpleWhitespace(""), cst.SimpleWhitespace("")),
    )


def with_args(call: cst.Call, args: list[cst.Arg]) -> cst.Call:
    """The call with these arguments; commas and lines between them stay as they were."""
    old = call.args
    if not args:
        return call.with_changes(args=[], whitespace_before_args=cst.SimpleWhitespace(""))
    commas = [each.comma for each in old if isinstance(each.comma, cst.Comma)]
    between = commas[0] if commas and len(old) > 1 else cst.Comma(cst.SimpleWhitespace(""), cst.SimpleWhitespace(" "))
    done = []
    for number, arg in enumerate(args):
        last = number == len(args) - 1
        keep = isinstance(arg.comma, cst.Comma) and not last and not (old and arg.comma is old[-1].comma)
        done.append(arg if keep else arg.with_changes(comma=between))
    tail = old[-1] if old else None
    done[-1] = done[-1].with_changes(
        comma=tail.comma if tail is not None else cst.MaybeSentinel.DEFAULT,
        whitespace_after_arg=tail.whitespace_after_arg if tail is not None else cst.SimpleWhitespace(""),
    )
    return call.with_changes(args=done)


__all__ = ["Maker", "convert_definitions", "keyword", "pin_concurrency", "with_args"]
