"""Graphs with a DAGDriver: the driver becomes an ordinary deployment whose `predict` makes the calls of the graph."""

from __future__ import annotations

from typing import Any

import libcst as cst

from serve_compat.migrate.serve_stage.arguments import keyword, with_args
from serve_compat.migrate.serve_stage.deploys import serve_name
from serve_compat.migrate.serve_stage.expressions import is_repeatable, literal
from serve_compat.migrate.serve_stage.graph_calls import Driver, GraphError, Writer
from serve_compat.migrate.serve_stage.program import Program
from serve_compat.migrate.serve_stage.values import MethodNode

_ADAPTERS = {"json_request": "await request.json()", "starlette_request": "request", "": "request"}
GRAPH_NAMES = frozenset({"InputNode", "DAGDriver", "json_request", "starlette_request"})


def convert_graphs(program: Program) -> bool:
    """Plan the driver class, or say why not; True where the file has a graph of this kind."""
    binds = [call for call in program.infer.calls.by_name.get("bind", ()) if _is_driver(program, call)]
    inputs = [node for node in program.tree.nodes(cst.With) if isinstance(node, cst.With) and _is_input(program, node)]
    if not binds and not inputs:
        return False
    program.old = True
    try:
        if len(binds) != 1 or len(inputs) != 1:
            raise GraphError((binds or inputs)[0], "only a file with one DAGDriver and one InputNode can be converted")
        _convert(program, binds[0], inputs[0])
    except GraphError as reason:
        program.block(reason.node, "SC220", str(reason))
    return True


def _is_driver(program: Program, call: cst.Call) -> bool:
    func = call.func
    base = func.value if isinstance(func, cst.Attribute) else None
    if isinstance(base, cst.Call) and isinstance(base.func, cst.Attribute) and base.func.attr.value == "options":
        base = base.func.value
    return program.infer.library(base).endswith("drivers.DAGDriver")


def _is_input(program: Program, node: cst.With) -> bool:
    return any(
        isinstance(item.item, cst.Call) and program.infer.library(item.item.func).endswith(".InputNode")
        for item in node.items
    )


def _convert(program: Program, bind: cst.Call, inputs: cst.With) -> None:
    name = inputs.items[0].asname
    if len(inputs.items) != 1 or name is None or not isinstance(name.name, cst.Name):
        raise GraphError(inputs, "the input of the graph has no name")
    driver = Driver(input_name=name.name.value)
    adapter = _adapter(program, bind)
    positional = [arg for arg in bind.args if arg.keyword is None or arg.keyword.value in ("dag", "dags", "dag_handle")]
    if len(positional) != 1 or isinstance(positional[0].value, cst.Dict):
        raise GraphError(bind, "a DAGDriver with several routes has no equivalent yet")
    answer = Writer(program, driver).value(positional[0].value)
    _check_block(program, inputs, driver, bind)
    options, route = _options(program, bind)
    text = class_text(program, driver, answer, adapter, options, serve=program.code(serve_name(program, bind)))
    made = cst.ensure_type(cst.parse_statement(text), cst.ClassDef)
    names = list(driver.parameters)
    serve_args = ", ".join(driver.parameters[each] for each in names)

    def bound(updated: cst.CSTNode) -> cst.CSTNode:
        return cst.parse_expression(f"DAGDriver.bind({serve_args})")

    def flat(updated: cst.CSTNode) -> cst.CSTNode:
        assert isinstance(updated, cst.With)
        head = made.with_changes(leading_lines=updated.leading_lines)
        rest: list[Any] = list(updated.body.body)
        blank = [cst.EmptyLine(indent=False)] * (2 if program.tree.scopes[inputs] is program.tree.root else 1)
        if rest:
            rest[0] = rest[0].with_changes(leading_lines=[*blank, *rest[0].leading_lines])
        return cst.FlattenSentinel([head, *rest])  # type: ignore[return-value]

    program.change(bind, "SC220", "DAGDriver becomes a deployment of this file", bound)
    program.change(inputs, "SC220", "the graph's calls are made by the driver's predict()", flat)
    program.dropped |= driver.dropped
    program.imports |= {"from fastapi.encoders import jsonable_encoder", "from starlette.responses import JSONResponse"}
    if route is not None:
        _route(program, bind, route)


def _route(program: Program, bind: cst.Call, route: cst.BaseExpression) -> None:
    runs = [
        call
        for call in program.infer.calls.by_name.get("run", ())
        if program.infer.library(call.func) == "ray.serve.run"
    ]
    if len(runs) != 1 or not is_repeatable(route):
        raise GraphError(bind, "where the route_prefix of this driver belongs cannot be told")

    def routed(updated: cst.CSTNode) -> cst.CSTNode:
        assert isinstance(updated, cst.Call)
        return with_args(updated, [*updated.args, keyword("route_prefix", route)])

    program.change(runs[0], "SC206", "route_prefix= belongs to serve.run()", routed)


def _options(program: Program, bind: cst.Call) -> tuple[str, cst.BaseExpression | None]:
    func = bind.func
    base = func.value if isinstance(func, cst.Attribute) else None
    if not isinstance(base, cst.Call):
        return "", None
    kept, route = [], None
    for arg in base.args:
        if arg.keyword is None:
            raise GraphError(base, "options of the DAGDriver are not written out")
        if arg.keyword.value == "route_prefix":
            route = arg.value
        elif arg.keyword.value in ("name", "num_replicas", "ray_actor_options"):
            kept.append(f"{arg.keyword.value}={program.code(arg.value)}")
        elif arg.keyword.value == "max_concurrent_queries":
            kept.append(f"max_ongoing_requests={program.code(arg.value)}")
        else:
            raise GraphError(base, f"the option {arg.keyword.value}= of a DAGDriver is not known here")
    return ", ".join(kept), route


def _adapter(program: Program, bind: cst.Call) -> str:
    given = next(
        (arg.value for arg in bind.args if arg.keyword is not None and arg.keyword.value == "http_adapter"), None
    )
    name = "" if given is None else (literal(given) or program.infer.library(given)).split(".")[-1]
    if given is not None and isinstance(given, cst.Name) and given.value == "None":
        name = ""
    elif given is not None and name not in _ADAPTERS:
        raise GraphError(bind, "this http_adapter has no equivalent; only json_request and starlette_request do")
    return _ADAPTERS[name]


def _check_block(program: Program, inputs: cst.With, driver: Driver, bind: cst.Call) -> None:
    for line in inputs.body.body:
        small = line.body[0] if isinstance(line, cst.SimpleStatementLine) and len(line.body) == 1 else None
        if (
            not isinstance(small, cst.Assign)
            or len(small.targets) != 1
            or not isinstance(small.targets[0].target, cst.Name)
        ):
            raise GraphError(line, "only assignments of nodes can stand in the graph's block")
        if any(isinstance(value, MethodNode) for value in program.infer.of(small.value)) and small.value is not bind:
            driver.dropped.add(line)
    for call in program.infer.calls.by_name.get("bind", ()):
        if call is bind or call in driver.done:
            continue
        if any(isinstance(value, MethodNode) for arg in call.args for value in program.infer.of(arg.value)):
            raise GraphError(call, "this node is used outside of the DAGDriver")


def class_text(program: Program, driver: Driver, answer: str, adapter: str, options: str, serve: str) -> str:
    """The source of the driver class."""
    if "max_ongoing_requests" not in options and program.options.pin:
        options = ", ".join(filter(None, [options, "max_ongoing_requests=100"]))
    step = program.tree.module.default_indent
    name = driver.input_name
    keyed = "key" in driver.input_forms
    several = "index" in driver.input_forms
    signature = "*args, **kwargs" if keyed else "*args" if several else name
    head = []
    if keyed:
        head = [f"{name} = args[0] if args else kwargs"]
    elif several:
        head = [f"{name} = args[0] if len(args) == 1 else args"]
    if answer.startswith("self.") and "(" not in answer:
        answer = f"{answer}.remote({name})"
    last = f"{answer} = "
    if driver.lines and driver.lines[-1].startswith(last):
        answer = driver.lines.pop()[len(last) :]
    body = [f"@{serve}.deployment({options})" if options else f"@{serve}.deployment", "class DAGDriver:"]
    body += [f"{step}def __init__(self, {', '.join(driver.parameters)}):"]
    body += [f"{step * 2}self.{each} = {each}" for each in driver.parameters] + [""]
    body += [f"{step}async def predict(self, {signature}):"]
    body += [f"{step * 2}{line}" for line in [*head, *driver.lines]] + [f"{step * 2}return await {answer}", ""]
    body += [f"{step}async def __call__(self, request):"]
    body += [f"{step * 2}return JSONResponse(jsonable_encoder(await self.predict({adapter})))"]
    return "\n".join(body) + "\n"
