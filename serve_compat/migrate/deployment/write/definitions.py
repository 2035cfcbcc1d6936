"""Writing one deployment: its definition, its deploy(), and the handler's guard against other HTTP methods."""

from __future__ import annotations

import libcst as cst

from serve_compat.migrate.analysis.children import walk
from serve_compat.migrate.analysis.expressions import code_of, default_route, text
from serve_compat.migrate.deployment.decide import requests
from serve_compat.migrate.deployment.decide.pair import Pair, is_pinned
from serve_compat.migrate.deployment.decide.requests import SC111
from serve_compat.migrate.deployment.decide.turns import SC114, SWITCHES
from serve_compat.migrate.deployment.find.listings import SC109
from serve_compat.migrate.deployment.find.operations import CLIENT
from serve_compat.migrate.deployment.find.options import SC103, SC104
from serve_compat.migrate.deployment.write import batches
from serve_compat.migrate.deployment.write.http_methods import guard, wrapped
from serve_compat.migrate.deployment.write.rewriting import Rewriting
from serve_compat.migrate.rule import Rule
from serve_compat.migrate.writing.texts import call_of, expression, keyword_args, plain, statement

SC101 = Rule(
    "SC101",
    "create_backend and create_endpoint become one deployment of the endpoint's name, and deploy()",
    "deployment",
    "A deployment is a backend and an endpoint in one; its name is the endpoint's, by which handles, routes and"
    " other files know it. The class is decorated in place where it is only used for this, and given to"
    " serve.deployment() otherwise.",
    differs="A route was one exact path; a route prefix also answers the paths below it. Creating something twice was"
    " an error, deploying it again replaces it.",
)
SC110 = Rule(
    "SC110",
    "set_traffic() and link() of one backend go",
    "deployment",
    "All traffic to the only backend is what a deployment does.",
)

_ORDER = (
    "name",
    "version",
    "num_replicas",
    "max_concurrent_queries",
    "user_config",
    "graceful_shutdown_wait_loop_s",
    "graceful_shutdown_timeout_s",
    "ray_actor_options",
    "route_prefix",
)


def write_pair(pair: Pair, rewriting: Rewriting) -> None:
    """Plan everything that creates the deployment, in the file where it is created."""
    at = pair.at
    for asked in pair.guards:
        name = asked.asked if asked.about == "list_endpoints" and not pair.by_tag else pair.name
        code = f"{rewriting.code(name)} not in {rewriting.serve(at.call)}.list_deployments()"
        rewriting.edits.replace(asked.statement.test, expression(code))
        rewriting.report(SC109, asked.listing, "the deployments are listed")
    write_deployment(pair, rewriting)
    for use in pair.group.uses:
        operation = use.operation
        if use.path == pair.home.path and operation is not at and operation.name in _FOLDED:
            rewriting.drop(operation.call, at.call)
            if operation.name not in ("create_backend", "create_endpoint"):
                rewriting.report(SC110, operation.call, "an endpoint with one backend is the deployment itself")
    for operation in pair.dropped:
        taker = next((each.at for each in pair.turns if operation in (each.create, each.endpoint)), None)
        rewriting.drop(operation.call, taker.call if taker is not None else None)
        if operation.name in SWITCHES:
            rewriting.report(SC110, operation.call, "this backend has all traffic already")
        elif operation.name == "delete_backend":
            rewriting.report(SC114, operation.call, "a backend ends where the next one is deployed")
    for turn in pair.turns:
        write_deployment(turn, rewriting)
        if turn.at is not turn.create and turn.at is not turn.endpoint:
            message = "the backend that gets all traffic is deployed under the endpoint's name"
            rewriting.report(SC114, turn.at.call, message)


def write_deployment(pair: Pair, rewriting: Rewriting) -> None:
    """Plan the definition and the deploy(), in the place of one of the calls; and what the handler needs."""
    edits, at = rewriting.edits, pair.at
    if requests.apply(pair, rewriting.files, edits):
        rewriting.report(SC111, pair.create.call, "the handler reads its request as Starlette's")
    if pair.handler.node is None and pair.create.generation == CLIENT:
        message = "what is served here was not found: see that it reads its request as Starlette's, not as Flask's"
        rewriting.report(SC111, pair.create.call, message, "note")
    if pair.is_batch:
        batches.write(pair, rewriting)
    for _, _, assign in pair.config.filled:
        rewriting.edits.remove(assign)
    guard(pair, rewriting)
    _write_deploy(pair, rewriting, at.call)
    if set(pair.create.given) & {"config", "ray_actor_options", "env"}:
        rewriting.report(SC103, pair.create.call, "what the backend was given are options of the deployment")
    if is_pinned(pair):
        rewriting.report(SC104, pair.create.call, "defaults of the backend are options of the deployment")
    if pair.form != "known":
        rewriting.report(SC101, pair.create.call, f"the backend and its endpoint become a deployment ({pair.form})")


_FOLDED = ("create_backend", "create_endpoint", "set_traffic", "split", "link")


def _write_deploy(pair: Pair, rewriting: Rewriting, call: cst.Call) -> None:
    serve = rewriting.serve(call)
    edits = rewriting.edits
    if pair.form == "decorator":
        node = pair.handler.node
        assert isinstance(node, cst.ClassDef | cst.FunctionDef)

        def decorate(updated: cst.CSTNode) -> cst.CSTNode:
            assert isinstance(updated, cst.ClassDef | cst.FunctionDef)
            made = cst.Decorator(_decorator(pair, rewriting, serve))
            if updated.decorators:
                return updated.with_changes(decorators=[made, *updated.decorators])
            return updated.with_changes(decorators=[made], lines_after_decorators=[])

        edits.change(node, decorate)
    elif pair.form == "lambda":
        edits.insert_before(_line(pair, call), lambda: [_function(pair, rewriting, serve)])
    elif pair.form == "variable":
        edits.insert_before(
            _line(pair, call), lambda: [statement(f"{pair.variable} = {code_of(_call_form(pair, rewriting, serve))}")]
        )

    def deploy(updated: cst.CSTNode) -> cst.CSTNode:
        receiver = expression(pair.variable) if pair.variable else _call_form(pair, rewriting, serve)
        return cst.Call(cst.Attribute(receiver, cst.Name("deploy")), constructor_args(pair, rewriting))

    rewriting.keep_comments(call)
    edits.change(call, deploy)


def _line(pair: Pair, call: cst.Call) -> cst.CSTNode:
    line = pair.home.line(call)
    assert line is not None
    return line


def constructor_args(pair: Pair, rewriting: Rewriting) -> list[cst.Arg]:
    """The constructor's arguments, with the changes in them made."""
    return [plain(arg).with_changes(value=rewriting.edits.expression(arg.value)) for arg in pair.create.rest]


def _options(pair: Pair, rewriting: Rewriting) -> dict[str, cst.BaseExpression]:
    given = {name: rewriting.edits.expression(value) for name, value in pair.options.items()}
    home = pair.home
    name = home.constants.text(pair.name)
    if not (pair.variable and pair.form != "variable" and name == pair.variable):
        given["name"] = rewriting.edits.expression(pair.name)
    updates = [use for use in pair.group.uses if use.name in ("update_backend_config", "set_backend_config", "scale")]
    if updates:
        given["version"] = cst.SimpleString('"1"')
    route = _route(pair, rewriting)
    if route is not None:
        given["route_prefix"] = route
    return {key: given[key] for key in _ORDER if key in given}


def _route(pair: Pair, rewriting: Rewriting) -> cst.BaseExpression | None:
    """The route prefix; None where it is the default one."""
    home = pair.home
    if pair.route is None or home.constants.is_none(pair.route):
        return cst.Name("None")
    route, name = home.constants.text(pair.route), home.constants.text(pair.name)
    if route is not None and route != "/" and route.endswith("/"):
        return text(route.rstrip("/"))
    if route is not None and name is not None and route == f"/{name}":
        return None
    if code_of(default_route(pair.name)) == code_of(pair.route):
        return None
    return rewriting.edits.expression(pair.route)


def _decorator(pair: Pair, rewriting: Rewriting, serve: str) -> cst.BaseExpression:
    options = _options(pair, rewriting)
    if not options:
        return expression(f"{serve}.deployment")
    return call_of(f"{serve}.deployment", keyword_args(options), indent=1)


def _call_form(pair: Pair, rewriting: Rewriting, serve: str) -> cst.BaseExpression:
    served = rewriting.edits.expression(pair.handler.expression)
    first = cst.Arg(wrapped(pair, rewriting, served))
    return call_of(f"{serve}.deployment", [first, *keyword_args(_options(pair, rewriting))], indent=_indent(pair))


def _indent(pair: Pair) -> int:
    """What stands before or behind the call form on its line, roughly."""
    if pair.variable:
        return len(pair.variable) + len(" = ")
    return len(f".deploy({', '.join(code_of(arg) for arg in pair.create.rest)})")


def _function(pair: Pair, rewriting: Rewriting, serve: str) -> cst.BaseStatement:
    """A lambda as a decorated function."""
    node = pair.handler.node
    assert isinstance(node, cst.Lambda)
    done = rewriting.edits.expression(node)
    assert isinstance(done, cst.Lambda)
    params = code_of(done.params)
    if not params and guard_lines(pair, rewriting) and pair.methods is not None:
        params = "request" if pair.methods.always_http else "request=None"
    waits = any(isinstance(each, cst.Await) for each in walk(done.body))
    lines = [
        f"@{code_of(_decorator(pair, rewriting, serve))}",
        f"{'async ' if waits else ''}def {pair.variable}({params}):",
    ]
    lines += [f"    {each}" for each in guard_lines(pair, rewriting)]
    lines.append(f"    return {code_of(_unbraced(done.body))}")
    return statement("\n".join(lines) + "\n")


def guard_lines(pair: Pair, rewriting: Rewriting) -> list[str]:
    """The guard of a lambda that becomes a function."""
    return rewriting.guards.get(pair, [])


def _unbraced(node: cst.BaseExpression) -> cst.BaseExpression:
    return node.with_changes(lpar=[], rpar=[]) if "\n" not in code_of(node) else node
