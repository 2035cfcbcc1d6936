"""Attributes of deployments that today's do not have: written out where the file says what they are."""

from __future__ import annotations

import libcst as cst

from serve_compat.migrate.serve_stage.deployed import is_changed_by_name, running_as
from serve_compat.migrate.serve_stage.deploys import deployment_name, is_visible, serve_name, without_blocking
from serve_compat.migrate.serve_stage.expressions import default_route, is_none, is_repeatable, literal
from serve_compat.migrate.serve_stage.named import key_of, status_of
from serve_compat.migrate.serve_stage.program import Change, Program
from serve_compat.migrate.serve_stage.shown import has_default_routes
from serve_compat.migrate.serve_stage.urls import url_of
from serve_compat.migrate.serve_stage.values import Deployment, Named

_DEFAULTS = {
    "version": "None",
    "prev_version": "None",
    "user_config": "None",
    "init_args": "()",
    "init_kwargs": "{}",
    "max_concurrent_queries": "100",
}


def deployment_attribute(program: Program, node: cst.Attribute) -> None:
    """Plan what an attribute of a deployment object becomes."""
    name = node.attr.value
    if name == "max_concurrent_queries":
        program.change(
            node, "SC205", "max_concurrent_queries is called max_ongoing_requests", _renamed("max_ongoing_requests")
        )
        return
    values = [value for value in program.infer.of(node.value) if isinstance(value, Deployment)]
    made = _known(program, node, values[0]) if len(values) == 1 else None
    plain = all(each.option("route_prefix") is None for each in values) and is_repeatable(node.value)
    if made is None and values and plain and name in ("route_prefix", "url"):
        route = default_route(cst.Attribute(node.value, cst.Name("name")))
        made = route if name == "route_prefix" else url_of(program, route, node)
    if made is None:
        why = "cannot be told from this file" if name in {*_DEFAULTS, "url", "route_prefix"} else "is gone"
        program.block(node, "SC213" if name == "url" else "SC219", f"the attribute {name} of this deployment {why}")
        return
    program.change(node, "SC213", f"the {name} of the deployment is written out", lambda updated: made)


def _renamed(name: str) -> Change:
    def renamed(updated: cst.CSTNode) -> cst.CSTNode:
        return updated.with_changes(attr=cst.Name(name))

    return renamed


def _known(program: Program, node: cst.Attribute, deployment: Deployment) -> cst.BaseExpression | None:
    """The expression of an attribute, as far as the options of the deployment say it."""
    name = node.attr.value
    if name in ("route_prefix", "url"):
        known, given = deployment_name(deployment), deployment.option("route_prefix")
        if known is None or not _is_known_here(program, known, node):
            return None
        if given is not None and (is_none(given) or not _is_known_here(program, given, node)):
            return given if is_none(given) else None
        route = default_route(known) if given is None else given
        return route if name == "route_prefix" else url_of(program, route, node)
    if name not in _DEFAULTS:
        return None
    given = deployment.option(name)
    if given is None:
        return cst.parse_expression(_DEFAULTS[name])
    return given if _is_known_here(program, given, node) else None


def _is_known_here(program: Program, value: cst.BaseExpression, node: cst.CSTNode) -> bool:
    return is_repeatable(value) and is_visible(program, value, node)


def named_attribute(program: Program, node: cst.Attribute) -> None:
    """Plan what an attribute of a deployment that was looked up becomes."""
    key, name = key_of(program, node.value), node.attr.value
    made: cst.BaseExpression | None = None
    if key is not None and name == "name":
        made = key
    elif key is not None and name == "num_replicas":
        status = status_of(program, program.code(serve_name(program, node)), key)
        made = cst.parse_expression(f'{status}.replica_states["RUNNING"]') if status is not None else None
    elif key is not None and literal(key) is None and name in ("route_prefix", "url") and has_default_routes(program):
        made = default_route(key) if name == "route_prefix" else url_of(program, default_route(key), node)
    elif key is not None:
        made = _of_running(program, node, literal(key))
    if made is None:
        program.block(node, "SC211", f"today there is no way to ask a running deployment for .{name}")
        return
    program.change(node, "SC211", f"the {name} of the deployment is known", lambda updated: made)


def _of_running(program: Program, node: cst.Attribute, key: str | None) -> cst.BaseExpression | None:
    lookups = [value.call for value in program.infer.of(node.value) if isinstance(value, Named)]
    if key is None or len(lookups) != 1:
        return None
    found = running_as(program, key, lookups[0])
    if found is None or is_changed_by_name(program, key, lookups[0]):
        return None
    call, deployment = found
    name = node.attr.value
    args = without_blocking(call)[1]
    if name not in ("init_args", "init_kwargs"):
        return _known(program, node, deployment)
    mine = [arg for arg in args if (arg.keyword is None and not arg.star) == (name == "init_args")]
    if any(arg.star for arg in args) or not all(_is_known_here(program, arg.value, node) for arg in args):
        return None
    if not mine:
        return _known(program, node, deployment)
    if name == "init_args":
        return cst.parse_expression(f"({', '.join(program.code(arg.value) for arg in mine)},)")
    pairs = ", ".join(f'"{arg.keyword.value}": {program.code(arg.value)}' for arg in mine if arg.keyword)
    return cst.parse_expression(f"{{{pairs}}}")
