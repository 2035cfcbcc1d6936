"""The autoscaling config: today's names of its keys, and the default that changed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import libcst as cst

from serve_compat.migrate.analysis.expressions import text
from serve_compat.migrate.rule import Rule
from serve_compat.migrate.serve.defaults import SC218
from serve_compat.migrate.serve.program import Program
from serve_compat.migrate.writing.arguments import keyword, with_args

SC205 = Rule(
    "SC205",
    "options of deployments get today's names",
    "serve",
    "max_concurrent_queries is max_ongoing_requests; autoscaling, health and shutdown options lost their"
    " underscore, and keys of the autoscaling config were renamed.",
    differs="Synchronous handlers run in threads today, so several requests may be inside one replica at once.",
)

AUTOSCALING = {
    "target_num_ongoing_requests_per_replica": "target_ongoing_requests",
    "smoothing_factor": "upscaling_factor",
    "upscale_smoothing_factor": "upscaling_factor",
    "downscale_smoothing_factor": "downscaling_factor",
}


_TARGETS = {"target_num_ongoing_requests_per_replica", "target_ongoing_requests"}


def convert_autoscaling(program: Program, arg: cst.Arg) -> None:
    """Plan the changes of an autoscaling config, which may be a name for one."""
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
        if value not in program.edits.changes:  # one config may serve several deployments
            program.change(value, SC205, message, partial(_scaled, program.options.pin))
            if program.options.pin and not names & _TARGETS:
                program.notes.append((value, SC218, "target_ongoing_requests=1, which old releases had; today's is 2"))
        program.old = was_old or bool(names & set(AUTOSCALING))
    elif not (isinstance(value, cst.Name) and value.value == "None"):
        program.block(arg, SC205, "the autoscaling config is not written out here, so its keys cannot be renamed")


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
    if pin and not names & _TARGETS:
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
    if pin and not names & _TARGETS:
        elements = [*elements, _like_last(elements, "target_ongoing_requests", cst.Integer("1"))]
    return updated.with_changes(elements=_separated(elements, updated.elements))


def _like_last(elements: list[cst.BaseDictElement], name: str, value: cst.BaseExpression) -> cst.DictElement:
    last = elements[-1] if elements else None
    if isinstance(last, cst.DictElement) and isinstance(last.key, cst.SimpleString):
        return last.with_changes(key=_renamed(last.key, name), value=value)
    return cst.DictElement(text(name), value)


def _separated(elements: list[cst.BaseDictElement], old: Sequence[cst.BaseDictElement]) -> list[cst.BaseDictElement]:
    """Commas: those of the old elements are reused, so that a dict over several lines stays one."""
    plain = cst.Comma(cst.SimpleWhitespace(""), cst.SimpleWhitespace(" "))
    between = old[0].comma if len(old) > 1 else plain
    last = old[-1].comma if old else cst.MaybeSentinel.DEFAULT
    done = [
        each
        if number < len(elements) - 1 and isinstance(each.comma, cst.Comma) and each.comma is not last
        else each.with_changes(comma=between)
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
