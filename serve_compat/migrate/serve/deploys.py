"""`.deploy()` becomes `serve.run(X.bind(...), name=..., route_prefix=...)`: one application per deployment."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import libcst as cst

from serve_compat.migrate.analysis.children import walk
from serve_compat.migrate.analysis.expressions import (
    default_route,
    deployment_name,
    is_none,
    is_repeatable,
    literal,
    text,
)
from serve_compat.migrate.analysis.reaching import reaching
from serve_compat.migrate.analysis.tree import Binding
from serve_compat.migrate.analysis.values import Deployment
from serve_compat.migrate.rule import Rule
from serve_compat.migrate.serve.definitions import SC206
from serve_compat.migrate.serve.program import Program
from serve_compat.migrate.writing.arguments import keyword

SC204 = Rule(
    "SC204",
    ".deploy() becomes serve.run(X.bind(...), name=..., route_prefix=...)",
    "serve",
    "There is one application per deployment, called like the deployment: two runs without a name would replace"
    " each other.",
    differs="The instance runs applications; each has its own status, and serve.delete() takes its name.",
)


@dataclass(frozen=True)
class Address:
    """How an application is known: expressions for its name and its route prefix."""

    name: cst.BaseExpression
    route: cst.BaseExpression


def address(program: Program, node: cst.Call, receiver: cst.BaseExpression) -> Address | None:
    """The application's name and route for a deployment expression; None (and a blocker) where they cannot be told."""
    values = program.infer.of(receiver)
    found = [value for value in values if isinstance(value, Deployment)]
    if len(found) != len(values) or not found:
        program.block(node, SC204, "which deployment this is cannot be told from this file")
        return None
    if len(found) > 1:
        return _common_address(program, node, receiver, found)
    deployment = found[0]
    name = deployment_name(deployment)
    if name is None:
        program.block(node, SC204, "the deployment has no name that can be read here")
        return None
    route = deployment.option("route_prefix")
    given = [each for each in (deployment.option("name"), route) if each is not None]
    if deployment.module and not all(literal(each) is not None or is_none(each) for each in given):
        program.block(node, SC204, "name or route_prefix of this deployment is a value of the file that defines it")
        return None
    visible = all(is_repeatable(each) and is_visible(program, each, node) for each in given)
    if not visible and route is None and is_repeatable(receiver):
        name = cst.Attribute(receiver, cst.Name("name"))
        return Address(name, default_route(name))
    if not visible and not is_route_needed(node) and is_repeatable(receiver):
        return Address(cst.Attribute(receiver, cst.Name("name")), text("/"))
    if not visible:
        program.block(node, SC204, "name or route_prefix of the deployment cannot be repeated at serve.run()")
        return None
    return Address(name, default_route(name) if route is None else route)


def is_route_needed(node: cst.Call) -> bool:
    """Handles and deletions need the name only."""
    return isinstance(node.func, cst.Attribute) and node.func.attr.value == "deploy"


def _common_address(
    program: Program, node: cst.Call, receiver: cst.BaseExpression, found: list[Deployment]
) -> Address | None:
    name = cst.Attribute(receiver, cst.Name("name"))
    route = default_route(name)
    if is_route_needed(node) and any(each.option("route_prefix") is not None for each in found):
        route = _route_by_name(name, found) or route
        if not isinstance(route, cst.Subscript):
            program.block(node, SC204, "several deployments with routes of their own meet here")
            return None
    if not is_repeatable(receiver):
        program.block(node, SC204, "which deployment this is cannot be told from this file")
        return None
    return Address(name, route)


def _route_by_name(name: cst.BaseExpression, found: list[Deployment]) -> cst.BaseExpression | None:
    """`{"a": "/x", "b": None}[deployment.name]`; None where a name or a route is a value of run time."""
    pairs: dict[str, cst.BaseExpression] = {}
    for each in found:
        known, route = deployment_name(each), each.option("route_prefix")
        written = literal(known)
        if written is None or not (route is None or literal(route) is not None or is_none(route)):
            return None
        pairs[written] = default_route(text(written)) if route is None else route
    table = cst.Dict([cst.DictElement(text(key), pairs[key]) for key in sorted(pairs)])
    return cst.Subscript(table, [cst.SubscriptElement(cst.Index(name))])


def is_visible(program: Program, expression: cst.BaseExpression, place: cst.CSTNode) -> bool:
    """Do the names of an expression mean the same at the place, and have they one value only?"""
    for name in walk(expression):
        if not isinstance(name, cst.Name) or name not in program.tree.scopes:
            continue
        there = program.tree.scopes[name].lookup(name.value)
        here = program.tree.scopes[place].lookup(name.value)
        same_line = program.tree.statement(name) is program.tree.statement(place)
        if not same_line and (there != here or (len(there) > 1 and not _is_one(program, name, place))):
            return False
    return True


def convert_deploys(program: Program) -> None:
    """Plan `serve.run` for every `.deploy()` of a deployment."""
    for node in program.tree.nodes(cst.Call):
        if not isinstance(node.func, cst.Attribute) or node.func.attr.value != "deploy":
            continue
        values = program.infer.of(node.func.value)
        if any(isinstance(value, Deployment) for value in values):
            program.old = True  # also where it cannot be told how to go on
            where = address(program, node, node.func.value)
            if where is not None:
                _deploy(program, node, where, [value for value in values if isinstance(value, Deployment)])


def _deploy(program: Program, node: cst.Call, where: Address, found: list[Deployment]) -> None:
    parent = program.tree.parents[node]
    if not isinstance(parent, cst.Expr):
        program.block(node, SC204, "the result of deploy() is used")
    blocking, args = without_blocking(node)
    if blocking is None:
        program.block(node, SC204, "_blocking= of deploy() is not a literal")
        return
    init = _init_arguments(program, node, found[0], args) if len(found) == 1 else args
    if init is None:
        return
    message = "deploy() becomes serve.run() with an application of the deployment's name"
    program.change(node, SC204, message, partial(_run, serve_name(program, node), where, init, blocking))


def without_blocking(node: cst.Call) -> tuple[bool | None, list[cst.Arg]]:
    """Whether deploy() waits (None when that cannot be told), and its other arguments."""
    blocking: bool | None = True
    args = []
    for arg in node.args:
        if arg.keyword is not None and arg.keyword.value == "_blocking":
            value = arg.value.value if isinstance(arg.value, cst.Name) else ""
            blocking = {"True": True, "False": False}.get(value)
        else:
            args.append(arg)
    return blocking, args


def _init_arguments(
    program: Program, node: cst.Call, deployment: Deployment, args: list[cst.Arg]
) -> list[cst.Arg] | None:
    """The constructor's arguments: those of deploy(), or those of the options init_args and init_kwargs."""
    made = list(args)
    positional = deployment.option("init_args")
    if positional is not None and not any(arg.keyword is None and arg.star != "**" for arg in args):
        if not is_repeatable(positional) or not is_visible(program, positional, node):
            program.block(node, SC206, "init_args cannot be repeated at bind()")
            return None
        if isinstance(positional, cst.Tuple | cst.List):
            made = [*(cst.Arg(each.value) for each in positional.elements), *made]
        else:
            made = [cst.Arg(positional, star="*"), *made]
    named = deployment.option("init_kwargs")
    if named is not None and not any(arg.keyword is not None or arg.star == "**" for arg in args):
        if not is_repeatable(named) or not is_visible(program, named, node):
            program.block(node, SC206, "init_kwargs cannot be repeated at bind()")
            return None
        made += _keywords(named)
    return made


def _keywords(named: cst.BaseExpression) -> list[cst.Arg]:
    """A dict of arguments as `name=value`, where it is written out."""
    pairs = [(literal(each.key) or "", each.value) for each in getattr(named, "elements", ()) if hasattr(each, "key")]
    written = isinstance(named, cst.Dict) and len(pairs) == len(named.elements)
    if written and all(name.isidentifier() for name, _ in pairs):
        return [keyword(name, value) for name, value in pairs]
    return [cst.Arg(named, star="**")]


def serve_name(program: Program, node: cst.CSTNode) -> cst.BaseExpression:
    """How the file calls `ray.serve` at this place; `serve` (with an import) where it has no name for it."""
    name = program.tree.scopes[node].import_name(lambda binding: _is_serve(program, binding))
    if name is None:
        program.imports.add("from ray import serve")
    return cst.Name(name or "serve")


def _is_serve(program: Program, binding: Binding) -> bool:
    return any(getattr(value, "name", "") == "ray.serve" for value in program.infer.binding(binding))


def _run(
    serve: cst.BaseExpression, where: Address, init: list[cst.Arg], blocking: bool, updated: cst.CSTNode
) -> cst.CSTNode:
    assert isinstance(updated, cst.Call)
    assert isinstance(updated.func, cst.Attribute)
    kept = [arg for arg in updated.args if arg.keyword is None or arg.keyword.value != "_blocking"]
    args = kept if len(kept) == len(init) else [*init]
    bound = updated.with_changes(func=updated.func.with_changes(attr=cst.Name("bind")), args=args)
    return run_call(serve, bound, where, blocking)


def run_call(serve: cst.BaseExpression, bound: cst.BaseExpression, where: Address, blocking: bool = True) -> cst.Call:
    """`serve.run(bound, name=..., route_prefix=...)`, or the form that does not wait."""
    named = [cst.Arg(bound), keyword("name", where.name), keyword("route_prefix", where.route)]
    if blocking:
        return cst.Call(cst.Attribute(serve, cst.Name("run")), named)
    target = cst.Call(cst.Attribute(serve, cst.Name("RunTarget")), named)
    many = cst.Arg(cst.List([cst.Element(target)]))
    return cst.Call(
        cst.Attribute(serve, cst.Name("run_many")), [many, keyword("wait_for_applications_running", cst.Name("False"))]
    )


def _is_one(program: Program, name: cst.Name, place: cst.CSTNode) -> bool:
    """Whether a name that gets several values has one and the same of them at both places."""
    found = reaching(program.tree, name)
    return len(found) == 1 and found == reaching(program.tree, name, place)
