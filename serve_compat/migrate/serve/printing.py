"""Deployments in print() and in texts: what the objects of old releases showed, written out."""

from __future__ import annotations

import libcst as cst

from serve_compat.migrate.analysis.expressions import deployment_name, is_default_route, is_none, literal, text
from serve_compat.migrate.analysis.uses import Use
from serve_compat.migrate.analysis.values import Deployment, Named, Node
from serve_compat.migrate.serve.graphs.calls import is_driver
from serve_compat.migrate.serve.lookups import application, deployments, is_changed_by_name
from serve_compat.migrate.serve.program import Program

TABLE = "shown_deployments"


def is_shown(program: Program, use: Use) -> bool:
    """Is the value turned into text as `str` does it?"""
    if isinstance(use.node, cst.FormattedStringExpression):
        return use.node.conversion is None and use.node.format_spec is None
    func = use.node.func if use.kind == "printed" and isinstance(use.node, cst.Call) else None
    return isinstance(func, cst.Name) and func.value in ("print", "str")


def text_of(program: Program, deployment: Deployment, inside: bool = False) -> str | None:
    """What the deployment showed; None where its name, version or route is a value of run time.

    Args:
        inside: it runs inside of a graph, and has no route.
    """
    name, version = literal(deployment_name(deployment)), deployment.option("version")
    route = deployment.option("route_prefix")
    shown = "None" if inside or (route is not None and is_none(route)) else literal(route) if route else f"/{name}"
    state = "None" if version is None or is_none(version) else literal(version)
    if name is None or shown is None or state is None or deployment.module:
        return None
    return f"Deployment(name={name},version={state},route_prefix={shown})"


def shown_names(program: Program) -> dict[str, str] | None:
    """What each of the file's deployments shows, by name; None where one may show different things."""
    found = _drivers(program)
    roots = _roots(program)
    for call, deployment in deployments(program) or ():
        name = literal(deployment_name(deployment)) or ""
        node = call.func.attr.value == "bind" if isinstance(call.func, cst.Attribute) else False
        shown = text_of(program, deployment, node and call not in roots)
        if node and shown is not None and deployment.option("route_prefix") is None and call in roots:
            shown = f"Deployment(name={name},version=None,route_prefix=/)"
        if shown is None or found.setdefault(name, shown) != shown or is_changed_by_name(program, name, call):
            return None
        if node and sum(1 for _, other in deployments(program) or () if other.code is deployment.code) > 1:
            return None  # the second one of a graph is called Model_1
    return found or None


def _drivers(program: Program) -> dict[str, str]:
    """What the drivers of graphs show."""
    found = {}
    for call in program.infer.calls.by_name.get("bind", ()):
        if is_driver(program, call):
            base = call.func.value if isinstance(call.func, cst.Attribute) else None
            options = {arg.keyword.value: arg.value for arg in getattr(base, "args", ()) if arg.keyword is not None}
            name, route = literal(options.get("name")) or "DAGDriver", literal(options.get("route_prefix")) or "/"
            found[name] = f"Deployment(name={name},version=None,route_prefix={route})"
    return found


def _roots(program: Program) -> set[cst.Call]:
    return {
        value.call
        for run in program.infer.calls.by_name.get("run", ())
        for arg in run.args[:1]
        for value in program.infer.of(arg.value)
        if isinstance(value, Node)
    }


def plain(name: str) -> str:
    """What a deployment with the default route and without a version shows."""
    return f"Deployment(name={name},version=None,route_prefix=/{name})"


def _are_all_plain(program: Program) -> bool:
    """Has every deployment of the file its default route and no version, and an application of its own?"""
    values = [value for _, value in program.receivers("deploy")]
    made = [value for value in values if isinstance(value, Deployment)]
    named = [value for value in values if isinstance(value, Named) and value.options]
    plain_ones = all(each.option("version") is None and not each.module for each in made)
    return bool(made) and plain_ones and not named and has_default_routes(program)


def has_default_routes(program: Program) -> bool:
    """Has every deployment of the file an application of its own, and the route of its name?"""
    values = [value for _, value in program.receivers("deploy")]
    made = [(deployment_name(each), each) for each in values if isinstance(each, Deployment)]
    plain_ones = (name is not None and is_default_route(name, each.option("route_prefix")) for name, each in made)
    return bool(made) and all(plain_ones) and application(program) == ""


def shown_entry(program: Program, key: cst.BaseExpression) -> cst.BaseExpression | None:
    """The expression of what the deployment of a name shows; None where that cannot be told."""
    known = shown_names(program) or {}
    name = literal(key)
    if name is not None:
        return text(known[name]) if name in known else None
    code = program.code(key)
    if '"' in code or "\\" in code or not _are_all_plain(program):
        return None
    return cst.parse_expression('f"' + plain(f"{{{code}}}") + '"')


def shown_listing(program: Program, node: cst.CSTNode, listing: str) -> cst.BaseExpression | None:
    """The expression of what a whole listing shows.

    Args:
        node: where it stands.
        listing: the source of an expression of the names.
    """
    known = shown_names(program)
    line = program.tree.statement(node)
    entry = plain("{name}")
    if not _are_all_plain(program):
        if known is None or not isinstance(line, cst.SimpleStatementLine):
            return None
        entry = f"{{{TABLE}.get(name, name)}}"
        pairs = ", ".join(f'"{name}": "{shown}"' for name, shown in known.items())
        program.insert(line, f"{TABLE} = {{{pairs}}}")
    return cst.parse_expression(f'"{{" + ", ".join(f"\'{{name}}\': {entry}" for name in {listing}) + "}}"')
