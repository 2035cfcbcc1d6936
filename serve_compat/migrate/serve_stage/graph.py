"""Graphs with a DAGDriver: the driver becomes an ordinary deployment whose `predict` makes the calls of the graph."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import libcst as cst

from serve_compat.migrate.serve_stage.definitions import keyword, with_args
from serve_compat.migrate.serve_stage.deploys import is_repeatable, literal, serve_name
from serve_compat.migrate.serve_stage.program import Program
from serve_compat.migrate.serve_stage.reaching import reaching
from serve_compat.migrate.serve_stage.values import Deployment, MethodNode, Node

_ADAPTERS = {"json_request": "await request.json()", "starlette_request": "request", "": "request"}
GRAPH_NAMES = frozenset({"InputNode", "DAGDriver", "json_request", "starlette_request"})


class NotConvertible(Exception):
    """The graph has something that no rule of ours can write down."""

    def __init__(self, node: cst.CSTNode, why: str) -> None:
        super().__init__(why)
        self.node = node


@dataclass
class Driver:
    """The driver class to be written.

    Attributes:
        parameters: constructor parameters by what they get: the source of a node.
        lines: statements of `predict` before its return.
        input_forms: how the request's input is taken: "whole", "index", "key".
        dropped: assignments of nodes that only live in `predict` from now on.
    """

    parameters: dict[str, str] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    done: dict[cst.CSTNode, str] = field(default_factory=dict)
    input_name: str = "inp"
    input_forms: set[str] = field(default_factory=set)
    dropped: set[cst.CSTNode] = field(default_factory=set)


def convert_graphs(program: Program) -> bool:
    """Plan the driver class, or say why not; True where the file has a graph of this kind."""
    binds = [call for call in program.infer.calls.by_name.get("bind", ()) if _is_driver(program, call)]
    inputs = [node for node in program.tree.nodes(cst.With) if isinstance(node, cst.With) and _is_input(program, node)]
    if not binds and not inputs:
        return False
    program.old = True
    try:
        if len(binds) != 1 or len(inputs) != 1:
            raise NotConvertible((binds or inputs)[0], "only a file with one DAGDriver and one InputNode can be converted")
        _convert(program, binds[0], inputs[0])
    except NotConvertible as reason:
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
        raise NotConvertible(inputs, "the input of the graph has no name")
    driver = Driver(input_name=name.name.value)
    adapter = _adapter(program, bind)
    positional = [arg for arg in bind.args if arg.keyword is None or arg.keyword.value in ("dag", "dags", "dag_handle")]
    if len(positional) != 1 or isinstance(positional[0].value, cst.Dict):
        raise NotConvertible(bind, "a DAGDriver with several routes has no equivalent yet")
    answer = Writer(program, driver).value(positional[0].value)
    _check_block(program, inputs, driver, bind)
    options, route = _options(program, bind)
    text = class_text(program, driver, answer, adapter, options, serve=program.code(serve_name(program, bind)))
    made = cst.parse_statement(text)
    names = list(driver.parameters)
    serve_args = ", ".join(driver.parameters[each] for each in names)

    def bound(updated: cst.CSTNode) -> cst.CSTNode:
        return cst.parse_expression(f"DAGDriver.bind({serve_args})")

    def flat(updated: cst.CSTNode) -> cst.CSTNode:
        assert isinstance(updated, cst.With)
        head = made.with_changes(leading_lines=updated.leading_lines)
        rest = list(updated.body.body)
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
    runs = [call for call in program.infer.calls.by_name.get("run", ()) if program.infer.library(call.func) == "ray.serve.run"]
    if len(runs) != 1 or not is_repeatable(route):
        raise NotConvertible(bind, "where the route_prefix of this driver belongs cannot be told")

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
            raise NotConvertible(base, "options of the DAGDriver are not written out")
        if arg.keyword.value == "route_prefix":
            route = arg.value
        elif arg.keyword.value in ("name", "num_replicas", "ray_actor_options"):
            kept.append(f"{arg.keyword.value}={program.code(arg.value)}")
        elif arg.keyword.value == "max_concurrent_queries":
            kept.append(f"max_ongoing_requests={program.code(arg.value)}")
        else:
            raise NotConvertible(base, f"the option {arg.keyword.value}= of a DAGDriver is not known here")
    return ", ".join(kept), route


def _adapter(program: Program, bind: cst.Call) -> str:
    given = next((arg.value for arg in bind.args if arg.keyword is not None and arg.keyword.value == "http_adapter"), None)
    name = "" if given is None else (literal(given) or program.infer.library(given)).split(".")[-1]
    if given is not None and isinstance(given, cst.Name) and given.value == "None":
        name = ""
    elif given is not None and name not in _ADAPTERS:
        raise NotConvertible(bind, "this http_adapter has no equivalent; only json_request and starlette_request do")
    return _ADAPTERS[name]


def _check_block(program: Program, inputs: cst.With, driver: Driver, bind: cst.Call) -> None:
    for line in inputs.body.body:
        small = line.body[0] if isinstance(line, cst.SimpleStatementLine) and len(line.body) == 1 else None
        if not isinstance(small, cst.Assign) or len(small.targets) != 1 or not isinstance(small.targets[0].target, cst.Name):
            raise NotConvertible(line, "only assignments of nodes can stand in the graph's block")
        if any(isinstance(value, MethodNode) for value in program.infer.of(small.value)) and small.value is not bind:
            driver.dropped.add(line)
    for call in program.infer.calls.by_name.get("bind", ()):
        if call is bind or call in driver.done:
            continue
        if any(isinstance(value, MethodNode) for arg in call.args for value in program.infer.of(arg.value)):
            raise NotConvertible(call, "this node is used outside of the DAGDriver")


class Writer:
    """Writes the expressions of `predict`."""

    def __init__(self, program: Program, driver: Driver) -> None:
        self._program = program
        self._driver = driver

    def value(self, node: cst.BaseExpression) -> str:
        """The source of a response, of the input, or of a constant."""
        if isinstance(node, cst.Name):
            return self._name(node)
        if isinstance(node, cst.Subscript | cst.Attribute) and self._is_input(node.value):
            return self._part(node)
        if isinstance(node, cst.Call):
            return self._call(node)
        if isinstance(node, cst.List | cst.Tuple):
            inner = [self._plain(each.value) for each in node.elements]
            return f"[{', '.join(inner)}]" if isinstance(node, cst.List) else f"({', '.join(inner)},)"
        if is_repeatable(node):
            return self._program.code(node)
        raise NotConvertible(node, "this argument of the graph cannot be written into a method")

    def _plain(self, node: cst.BaseExpression) -> str:
        source = self.value(node)
        is_node = isinstance(node, cst.Call | cst.Name) and bool(self._program.infer.of(node)) and not self._is_input(node)
        return f"await {source}" if is_node else source

    def _is_input(self, node: cst.BaseExpression) -> bool:
        if not isinstance(node, cst.Name):
            return False
        return any(each.kind == "with" for each in reaching(self._program.tree, node))

    def _part(self, node: cst.Subscript | cst.Attribute) -> str:
        if isinstance(node, cst.Attribute):
            raise NotConvertible(node, "an attribute of the input may be a keyword or an attribute")
        index = node.slice[0].slice if len(node.slice) == 1 else None
        if isinstance(index, cst.Index) and isinstance(index.value, cst.Integer):
            self._driver.input_forms.add("index")
        elif isinstance(index, cst.Index) and isinstance(index.value, cst.SimpleString):
            self._driver.input_forms.add("key")
        else:
            raise NotConvertible(node, "this part of the input cannot be told")
        return self._program.code(node)

    def _name(self, node: cst.Name) -> str:
        if self._is_input(node):
            self._driver.input_forms.add("whole")
            return node.value
        bindings = reaching(self._program.tree, node)
        if len(bindings) != 1 or bindings[0].kind != "value" or not isinstance(bindings[0].node, cst.Call):
            return node.value
        call = bindings[0].node
        if not any(isinstance(value, Node | MethodNode) for value in self._program.infer.of(call)):
            return node.value
        if call not in self._driver.done:
            source = self._call(call, node.value)
            if any(isinstance(value, MethodNode) for value in self._program.infer.of(call)) or self._is_function(call):
                self._driver.lines.append(f"{node.value} = {source}")
                self._driver.done[call] = node.value
                line = self._program.tree.statement(call)
                assert line is not None
                self._driver.dropped.add(line)
            else:
                self._driver.done[call] = source
        return self._driver.done[call]

    def _is_function(self, call: cst.Call) -> bool:
        return any(
            isinstance(value, Node) and isinstance(value.deployment.code, cst.FunctionDef)
            for value in self._program.infer.of(call)
        )

    def _call(self, node: cst.Call, name: str = "") -> str:
        func = node.func
        if not isinstance(func, cst.Attribute) or func.attr.value != "bind":
            raise NotConvertible(node, "this is no node of a graph")
        for value in self._program.infer.of(func.value):
            if isinstance(value, Deployment) and isinstance(value.code, cst.FunctionDef):
                self._driver.done.setdefault(node, "")
                handle = self._parameter(value.code_name, f"{self._program.code(func.value)}.bind()")
                return f"self.{handle}.remote({self._arguments(node)})"
            if isinstance(value, Deployment):
                parameter = self._parameter(name or _snake(value.code_name), name or self._program.code(node))
                return f"self.{parameter}"
        if isinstance(func.value, cst.Attribute):
            self._driver.done.setdefault(node, "")
            owner = self.value(func.value.value)
            return f"{owner}.{func.value.attr.value}.remote({self._arguments(node)})"
        raise NotConvertible(node, "what this node calls cannot be told")

    def _arguments(self, node: cst.Call) -> str:
        parts = []
        for arg in node.args:
            if arg.star:
                raise NotConvertible(node, "a starred argument of a node")
            source = self.value(arg.value)
            parts.append(f"{arg.keyword.value}={source}" if arg.keyword is not None else source)
        return ", ".join(parts)

    def _parameter(self, name: str, source: str) -> str:
        for known, other in self._driver.parameters.items():
            if other == source:
                return known
        unique, number = name, 2
        while unique in self._driver.parameters:
            unique, number = f"{name}_{number}", number + 1
        self._driver.parameters[unique] = source
        return unique


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower() or "node"


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
