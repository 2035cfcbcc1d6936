"""`serve.start`, `serve.run`, `ray.init`: keywords that moved or went, and what they returned."""

from __future__ import annotations

from functools import partial

import libcst as cst

from serve_compat.migrate.analysis.expressions import is_repeatable, literal, text
from serve_compat.migrate.analysis.values import Client, Node
from serve_compat.migrate.ray_init import of_today, old_keywords
from serve_compat.migrate.rule import Rule
from serve_compat.migrate.serve.definitions import SC206
from serve_compat.migrate.serve.deploys import SC204, serve_name
from serve_compat.migrate.serve.program import Program
from serve_compat.migrate.writing.arguments import keyword, with_args

SC202 = Rule(
    "SC202",
    "serve.start() loses detached= and other keywords, and returns nothing",
    "serve",
    "Every instance of Serve is detached today; unknown keywords are swallowed without a word.",
    differs="An instance that was not detached ended with its driver; today it lives as long as the cluster.",
)
SC203 = Rule(
    "SC203",
    "addresses, HTTP options and keywords of ray.init move to where today's Ray takes them",
    "serve",
    "location= is proxy_location=, host= and port= of serve.run() belong to serve.start(), and middlewares= and"
    " root_path= have no equivalent that does the same.",
)

_GONE = {"detached", "dedicated_cpu", "_checkpoint_path", "_override_controller_namespace"}
_LOCATIONS = {"NoServer": "Disabled", "HeadOnly": "HeadOnly", "EveryNode": "EveryNode", "Disabled": "Disabled"}
_TODAY = {"http_options", "proxy_location", "grpc_options", "logging_config"}


def convert_instance(program: Program) -> None:
    """Plan the changes of the calls that start Ray and Serve."""
    for node in program.tree.nodes(cst.Call):
        name = program.infer.library(node.func)
        if name == "ray.init":
            _ray_init(program, node)
        elif name == "ray.serve.start":
            _start(program, node)
        elif name == "ray.serve.run":
            _run(program, node)
    for each, values in program.loads():
        if any(isinstance(value, Client) for value in values):
            use = program.uses.of(each)
            if use.kind == "attribute" and not _shutdown(program, use.node):
                program.block(each, SC202, "what serve.start() returned is used; today it returns nothing")


def _shutdown(program: Program, node: cst.CSTNode) -> bool:
    """Plan serve.shutdown() for that of the client; False where it is something else."""
    call = program.tree.parents[node]
    if not isinstance(node, cst.Attribute) or node.attr.value != "shutdown":
        return False
    if not isinstance(call, cst.Call) or call.func is not node or call.args:
        return False
    made = cst.Call(cst.Attribute(serve_name(program, call), cst.Name("shutdown")))
    program.change(call, SC202, "serve.shutdown() ends the instance", lambda updated: made)
    return True


def _ray_init(program: Program, node: cst.Call) -> None:
    old = old_keywords(node)
    if old:
        program.change(node, SC203, f"ray.init no longer takes {', '.join(old)}", of_today)


def _start(program: Program, node: cst.Call) -> None:
    names = {arg.keyword.value if arg.keyword is not None else "" for arg in node.args}
    positional = [arg for arg in node.args if arg.keyword is None]
    if any(arg.star for arg in positional) or len(positional) > 1:
        program.block(node, SC202, "the arguments of serve.start() are not written out as name=value")
        return
    unknown = names - _GONE - _TODAY - {"", "http_host", "http_port", "http_middlewares"}
    if unknown or "http_middlewares" in names:
        program.block(
            node, SC202, f"serve.start() has no equivalent of {', '.join(sorted(unknown)) or 'http_middlewares'}"
        )
        return
    location: list[cst.Arg] = []
    for arg in node.args:
        if arg.keyword is not None and arg.keyword.value == "http_options":
            location += _http_options(program, node, arg.value)
    if positional or names & (_GONE | {"http_host", "http_port"}) or location:
        program.change(node, SC202, "serve.start() takes fewer keywords today", partial(_today_start, tuple(location)))


def _http_options(program: Program, node: cst.Call, value: cst.BaseExpression) -> list[cst.Arg]:
    """Plan the changes inside the options; the arguments of serve.start() that come out of them."""
    if isinstance(value, cst.Name):
        bindings = program.tree.scopes[value].lookup(value.value)
        if len(bindings) == 1 and bindings[0].kind == "value" and isinstance(bindings[0].node, cst.Dict | cst.Call):
            value = bindings[0].node
    pairs: list[tuple[str, cst.BaseExpression]] = []
    if isinstance(value, cst.Dict):
        for each in value.elements:
            key = literal(each.key) if isinstance(each, cst.DictElement) else None
            if key is None:
                program.block(node, SC203, "a key of http_options is not a literal")
                return []
            pairs.append((key, each.value))
    elif isinstance(value, cst.Call) and program.infer.library(value.func).endswith(".HTTPOptions"):
        pairs = [(arg.keyword.value if arg.keyword else "", arg.value) for arg in value.args]
    else:
        return []  # a value of run time: host and port work as they are
    gone, moved = _sort_options(program, node, pairs)
    if gone:
        program.change(
            value, SC203, f"http_options no longer takes {', '.join(sorted(gone))}", partial(_leave_out, gone)
        )
    return moved


def _sort_options(
    program: Program, node: cst.Call, pairs: list[tuple[str, cst.BaseExpression]]
) -> tuple[frozenset[str], list[cst.Arg]]:
    gone: set[str] = set()
    moved: list[cst.Arg] = []
    for key, value in pairs:
        is_none = isinstance(value, cst.Name) and value.value == "None"
        if key == "location" or (key == "host" and is_none):
            gone.add(key)
            place = "Disabled" if is_none else _LOCATIONS.get(_last_word(value))
            if place is None:
                program.block(node, SC203, "this location of the HTTP server has no equivalent")
            elif not moved:
                program.settled.add(value)
                moved.append(keyword("proxy_location", text(place)))
        elif (
            key in ("num_cpus", "root_url", "dedicated_cpu")
            or (key == "middlewares" and isinstance(value, cst.List) and not value.elements)
            or (key == "root_path" and literal(value) == "")
        ):
            gone.add(key)
        elif key not in ("host", "port", "request_timeout_s", "keep_alive_timeout_s"):
            program.block(node, SC203, f"http_options[{key!r}] has no equivalent that does the same")
    return frozenset(gone), moved


def _last_word(value: cst.BaseExpression) -> str:
    return literal(value) or (value.attr.value if isinstance(value, cst.Attribute) else "")


def _leave_out(gone: frozenset[str], updated: cst.CSTNode) -> cst.CSTNode:
    if isinstance(updated, cst.Call):
        return with_args(updated, [arg for arg in updated.args if arg.keyword is None or arg.keyword.value not in gone])
    assert isinstance(updated, cst.Dict)
    kept = [each for each in updated.elements if not (isinstance(each, cst.DictElement) and literal(each.key) in gone)]
    if kept:
        kept[-1] = kept[-1].with_changes(comma=updated.elements[-1].comma)
    return updated.with_changes(elements=kept)


def _today_start(location: tuple[cst.Arg, ...], updated: cst.CSTNode) -> cst.CSTNode:
    assert isinstance(updated, cst.Call)
    args: list[cst.Arg] = []
    address: list[cst.DictElement] = []
    for arg in updated.args:
        name = arg.keyword.value if arg.keyword is not None else "detached"
        if name in _GONE:
            continue
        if name in ("http_host", "http_port"):
            address.append(cst.DictElement(text(name[5:]), arg.value))
            continue
        is_empty = isinstance(arg.value, cst.Dict) and not arg.value.elements
        if not (name == "http_options" and is_empty):
            args.append(arg)
    if address:
        args.insert(0, keyword("http_options", cst.Dict(address)))
    names = {arg.keyword.value for arg in args if arg.keyword is not None}
    return with_args(updated, [*args, *(arg for arg in location if "proxy_location" not in names)])


def _run(program: Program, node: cst.Call) -> None:
    """`serve.run(node, host=, port=)` of 1.13 and 2.x: the address goes to serve.start(), the route comes here."""
    names = {arg.keyword.value for arg in node.args if arg.keyword is not None}
    address = [arg for arg in node.args if arg.keyword is not None and arg.keyword.value in ("host", "port")]
    blocking = [arg for arg in node.args if arg.keyword is not None and arg.keyword.value == "_blocking"]
    if blocking:
        program.block(node, SC204, "_blocking= of serve.run() has no equivalent that returns a handle")
    if address:
        line = program.tree.statement(node)
        if not all(is_repeatable(arg.value) for arg in address) or not isinstance(line, cst.SimpleStatementLine):
            program.block(node, SC203, "host= and port= of serve.run() cannot be moved to serve.start()")
            return
        pairs = ", ".join(f'"{arg.keyword.value}": {program.code(arg.value)}' for arg in address if arg.keyword)
        serve = program.code(serve_name(program, node))
        program.insert(line, f"{serve}.start(http_options={{{pairs}}})")
        program.change(node, SC203, "host= and port= belong to serve.start()", _without_address)
    given = [
        value.deployment.option("route_prefix")
        for arg in node.args[:1]
        for value in program.infer.of(arg.value)
        if isinstance(value, Node)
    ]
    routes = [route for route in given if route is not None]
    if routes and "route_prefix" not in names:
        if len(routes) > 1 or not is_repeatable(routes[0]):
            program.block(node, SC206, "the route_prefix of this application cannot be told")
            return
        program.change(node, SC206, "route_prefix= belongs to serve.run()", partial(_with_route, routes[0]))


def _without_address(updated: cst.CSTNode) -> cst.CSTNode:
    assert isinstance(updated, cst.Call)
    return with_args(
        updated, [arg for arg in updated.args if arg.keyword is None or arg.keyword.value not in ("host", "port")]
    )


def _with_route(route: cst.BaseExpression, updated: cst.CSTNode) -> cst.CSTNode:
    assert isinstance(updated, cst.Call)
    return with_args(updated, [*updated.args, keyword("route_prefix", route)])
