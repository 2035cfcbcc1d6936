"""Attributes of deployments that today's do not have: written out where the file says what they are."""

from __future__ import annotations

import libcst as cst

from serve_compat.migrate.analysis.expressions import (
    code_of,
    default_route,
    deployment_name,
    is_none,
    is_repeatable,
    literal,
    text,
)
from serve_compat.migrate.analysis.tree import Tree
from serve_compat.migrate.analysis.values import Deployment, Named
from serve_compat.migrate.rule import Rule
from serve_compat.migrate.serve.autoscaling import SC205
from serve_compat.migrate.serve.definitions import SC219
from serve_compat.migrate.serve.deploys import is_visible, serve_name, without_blocking
from serve_compat.migrate.serve.lookups import SC211, is_changed_by_name, key_of, running_as, status_of
from serve_compat.migrate.serve.printing import has_default_routes
from serve_compat.migrate.serve.program import Program
from serve_compat.migrate.writing.edits import Change

SC213 = Rule(
    "SC213",
    "url, route_prefix, version and constructor arguments of a deployment are written out, and what it shows",
    "serve",
    "Today's deployments know none of these. A deployment object that goes elsewhere as a value stays on serve_compat.",
)

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
            node, SC205, "max_concurrent_queries is called max_ongoing_requests", _renamed("max_ongoing_requests")
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
        program.block(node, SC213 if name == "url" else SC219, f"the attribute {name} of this deployment {why}")
        return
    program.change(node, SC213, f"the {name} of the deployment is written out", lambda updated: made)


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
        program.block(node, SC211, f"today there is no way to ask a running deployment for .{name}")
        return
    program.change(node, SC211, f"the {name} of the deployment is known", lambda updated: made)


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


_ADDRESS: dict[str, cst.BaseExpression] = {"host": text("127.0.0.1"), "port": cst.Integer("8000")}


def url_of(program: Program, route: cst.BaseExpression, place: cst.CSTNode) -> cst.BaseExpression | None:
    """`http://host:port/route` as an expression; None where the file does not say host or port at this place.

    Args:
        route: the expression of the route prefix, which may stand at the place.
    """
    address = http_address(program)
    if address is None or not all(is_repeatable(each) and is_visible(program, each, place) for each in address):
        return None
    parts = [text("http://"), address[0], text(":"), address[1], route]
    codes = [_inside(each) for each in parts]
    if any(code is None for code in codes):
        return None
    whole = "".join(code for code, _ in filter(None, codes))
    plain = all(known for _, known in filter(None, codes))
    return text(whole) if plain else cst.parse_expression(f'f"{whole}"')


def _inside(node: cst.BaseExpression) -> tuple[str, bool] | None:
    """What stands for the value inside of an f-string, and whether it is plain text."""
    known = literal(node)
    if known is not None:
        return (known, True) if not set(known) & set('{}"\\') else None
    if isinstance(node, cst.Integer):
        return node.value, True
    code = code_of(node)
    if isinstance(node, cst.FormattedString) and node.start == 'f"':
        return code[2:-1], False
    return (f"{{{code}}}", False) if '"' not in code and "\\" not in code else None


def http_address(program: Program) -> tuple[cst.BaseExpression, cst.BaseExpression] | None:
    """The expressions of host and port of the instance; None where the file does not write them out."""
    found = dict(_ADDRESS)
    for call in program.infer.calls.by_name.get("start", ()):
        if program.infer.library(call.func) != "ray.serve.start":
            continue
        for arg in call.args:
            name = arg.keyword.value if arg.keyword is not None else ""
            if name in ("http_host", "http_port"):
                found[name[5:]] = arg.value
            elif name == "http_options":
                options = _pairs(program.tree, arg.value)
                if options is None or options.keys() & {"root_path", "root_url"}:
                    return None
                found.update(options)
    return found["host"], found["port"]


def _pairs(tree: Tree, value: cst.BaseExpression) -> dict[str, cst.BaseExpression] | None:
    if isinstance(value, cst.Name):
        bindings = tree.scopes[value].lookup(value.value)
        node = bindings[0].node if len(bindings) == 1 and bindings[0].kind == "value" else None
        value = node if isinstance(node, cst.Dict | cst.Call) else value
    if isinstance(value, cst.Call) and all(arg.keyword is not None for arg in value.args) and value.args:
        return {arg.keyword.value: arg.value for arg in value.args if arg.keyword is not None}
    if not isinstance(value, cst.Dict):
        return None
    pairs = {literal(each.key): each.value for each in value.elements if isinstance(each, cst.DictElement)}
    whole = len(pairs) == len(value.elements) and None not in pairs
    return {key: each for key, each in pairs.items() if key is not None} if whole else None
