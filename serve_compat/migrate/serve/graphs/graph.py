"""Graphs with a DAGDriver: the driver becomes an ordinary deployment whose methods make the calls of the graphs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import libcst as cst

from serve_compat.migrate.analysis.children import walk
from serve_compat.migrate.analysis.expressions import is_repeatable
from serve_compat.migrate.analysis.reaching import reaching
from serve_compat.migrate.analysis.values import Box, MethodNode, Node, Value
from serve_compat.migrate.serve.definitions import KNOWN, RENAMED, SC206
from serve_compat.migrate.serve.deploys import serve_name
from serve_compat.migrate.serve.forwarding import make_sendable
from serve_compat.migrate.serve.graphs.adapters import SENT, Adapter, http_adapter
from serve_compat.migrate.serve.graphs.calls import Driver, GraphError, Run, Writer, bound, graphs_of, is_driver
from serve_compat.migrate.serve.graphs.driver import SC220, Style, class_text, driver_imports, needs_app, spaced
from serve_compat.migrate.serve.graphs.lists import waited
from serve_compat.migrate.serve.program import Program
from serve_compat.migrate.writing.arguments import keyword, with_args
from serve_compat.migrate.writing.texts import blank_above, blank_lines

_MODULES = ("dag", "deployment_graph", "drivers", "http_adapters")
GRAPH_NAMES = frozenset({"InputNode", "DAGDriver", "json_request", "starlette_request", "json_to_ndarray", *_MODULES})
_NUMERIC = frozenset(
    ["numpy", "pandas", "scipy", "sklearn", "xgboost", "lightgbm", "torch", "tensorflow", "keras", "transformers"]
)


@dataclass(frozen=True)
class Made:
    """A driver that was written.

    Attributes:
        bind: `DAGDriver.bind(...)`.
        text: the source of its class.
        imports: what it needs, as (module, name); the name is "" where the module itself is meant.
    """

    bind: cst.Call
    driver: Driver
    text: str
    imports: frozenset[tuple[str, str]]


def convert_graphs(program: Program) -> bool:
    """Plan the driver classes, or say why not; True where the file has a graph of this kind."""
    binds = [call for call in program.infer.calls.by_name.get("bind", ()) if is_driver(program, call)]
    inputs = [node for node in program.tree.nodes(cst.With) if _is_input(program, node)]
    if not binds and not inputs:
        return False
    program.old = True
    try:
        if not binds:
            raise GraphError(inputs[0], "a graph without a DAGDriver has no equivalent")
        made = [_driver(program, bind, inputs, number) for number, bind in enumerate(binds, 1)]
        for block in inputs:
            mine = [each for each in made if block.items[0].item in each.driver.inputs]
            _check_block(program, block, made)
            _replace_block(program, block, [each.text for each in mine])
        _check_outside(program, made)
        _import(program, frozenset().union(*(each.imports for each in made)))
    except GraphError as reason:
        program.block(reason.node, SC220, str(reason))
    return True


def _is_input(program: Program, node: cst.With) -> bool:
    return any(
        isinstance(item.item, cst.Call) and program.infer.library(item.item.func).endswith(".InputNode")
        for item in node.items
    )


def _driver(program: Program, bind: cst.Call, inputs: list[cst.With], number: int) -> Made:
    """Write the class of one driver, and plan what its `bind()` becomes."""
    driver = Driver()
    for route, dag in graphs_of(program, bind):
        run = Run(route)
        run.answer = Writer(program, driver, run).value(dag)
        driver.runs.append(run)
    around = [block for block in inputs if block.items[0].item in driver.inputs]
    if len(around) > 1:
        raise GraphError(bind, "this graph begins with more than one InputNode")
    place = around[0] if around else program.tree.statement(bind)
    if not isinstance(place, cst.With | cst.SimpleStatementLine):
        raise GraphError(bind, "where the driver's class would stand cannot be told")
    adapter = http_adapter(program, bind, place)
    if adapter.source == SENT and any("index" in run.input_forms for run in driver.runs):
        adapter = Adapter("request")  # nothing has a number in a request: the graph is for handles only
    elif adapter.source == SENT:
        make_sendable(program)
    options, route_prefix = _options(program, bind)
    name = "DAGDriver" if number == 1 else f"DAGDriver{number}"
    if number > 1 and "name=" not in options:
        options = ", ".join(filter(None, ['name="DAGDriver"', options]))
    serve = program.code(serve_name(program, bind))
    app = _free(program, "app" if number == 1 else f"app{number}")
    arrays = "numpy" if "ndarray" in adapter.parameter else _numpy(program)
    style = Style(name, options, serve, program.tree.module.default_indent, app, arrays)
    text = class_text(driver, adapter, style)
    if needs_app(driver, adapter):
        text = f"{app} = FastAPI()\n\n\n{text}"
    for call in [each for each in driver.gets if each not in program.edits.changes]:
        program.change(call, SC220, "the results in a list or dict are values now", waited)
    arguments = ", ".join(driver.parameters.values())
    program.change(
        bind,
        SC220,
        "DAGDriver becomes a deployment of this file",
        lambda updated: cst.parse_expression(f"{name}.bind({arguments})"),
    )
    if not around:
        program.insert(place, text)
    if route_prefix is not None:
        _route(program, bind, route_prefix)
    return Made(bind, driver, text, driver_imports(driver, adapter, style))


def _free(program: Program, name: str) -> str:
    while name in program.tree.root.bindings:
        name = f"driver_{name}"
    return name


def _imported(program: Program) -> dict[str, str]:
    """The names at the top of the file by what they are imported from: {"numpy": "np"}."""
    bindings = program.tree.root.bindings.items()
    return {each.target: name for name, found in bindings for each in found if each.kind == "import"}


def _import(program: Program, wanted: frozenset[tuple[str, str]]) -> None:
    known = _imported(program)
    missing = sorted(pair for pair in wanted if ".".join(filter(None, pair)) not in known)
    for module in dict.fromkeys(module for module, _ in missing):
        names = [name for other, name in missing if other == module]
        program.imports.add(f"from {module} import {', '.join(names)}" if names[0] else f"import {module}")


def _numpy(program: Program) -> str:
    """The name of numpy where results may be arrays, which old drivers knew how to encode; "" elsewhere."""
    known = _imported(program)
    return known.get("numpy", "numpy") if {name.split(".")[0] for name in known} & _NUMERIC else ""


def _replace_block(program: Program, block: cst.With, texts: list[str]) -> None:
    """The classes stand where the block of the InputNode stood; what is left of the block follows them."""
    outer = program.tree.scopes[block] is program.tree.root
    blank = blank_lines(2 if outer else 1)
    followed = _is_followed_at_once(program, block)

    def flat(updated: cst.CSTNode) -> list[Any]:
        assert isinstance(updated, cst.With)
        made = [spaced(text, [] if outer else blank) for text in texts]
        rest: list[Any] = [*(each for lines in made for each in lines), *updated.body.body]
        for number, each in enumerate(rest[1:], 1):
            if isinstance(rest[number - 1], cst.ClassDef):
                rest[number] = each.with_changes(
                    leading_lines=[*blank, *each.leading_lines[blank_above(each.leading_lines) :]]
                )
        if followed and rest and isinstance(rest[-1], cst.ClassDef):
            rest[-1] = rest[-1].with_changes(body=rest[-1].body.with_changes(footer=blank))
        if rest:
            rest[0] = rest[0].with_changes(leading_lines=updated.leading_lines)
        return rest

    program.change(block, SC220, "the graph's calls are made by the methods of its driver", flat)


def _is_followed_at_once(program: Program, block: cst.With) -> bool:
    body = getattr(program.tree.parents[block], "body", ())
    later = body[body.index(block) + 1] if block in body[:-1] else None
    return later is not None and not getattr(later, "leading_lines", ())


def _route(program: Program, bind: cst.Call, route: cst.BaseExpression) -> None:
    runs = [
        call
        for call in program.infer.calls.by_name.get("run", ())
        if program.infer.library(call.func) == "ray.serve.run" and call.args
    ]
    mine = runs if len(runs) == 1 else [call for call in runs if _means(program, call.args[0].value, bind)]
    if len(mine) != 1 or not is_repeatable(route):
        raise GraphError(bind, "where the route_prefix of this driver belongs cannot be told")

    def routed(updated: cst.CSTNode) -> cst.CSTNode:
        assert isinstance(updated, cst.Call)
        return with_args(updated, [*updated.args, keyword("route_prefix", route)])

    program.change(mine[0], SC206, "route_prefix= belongs to serve.run()", routed)


def _means(program: Program, node: cst.BaseExpression, bind: cst.Call) -> bool:
    if isinstance(node, cst.Name):
        return any(bound(each) is bind for each in reaching(program.tree, node))
    return node is bind


def _options(program: Program, bind: cst.Call) -> tuple[str, cst.BaseExpression | None]:
    func = bind.func
    base = func.value if isinstance(func, cst.Attribute) else None
    kept, route = [], None
    for arg in base.args if isinstance(base, cst.Call) else ():
        name = arg.keyword.value if arg.keyword is not None else ""
        today = RENAMED.get(name, name)
        if name == "route_prefix":
            route = arg.value
        elif today in KNOWN - {"autoscaling_config", "func_or_class"}:
            kept.append(f"{today}={program.code(arg.value)}")
        elif name != "version":
            raise GraphError(bind, f"the option {name}= of a DAGDriver is not known here")
    if program.options.pin and not any(each.startswith("max_ongoing_requests=") for each in kept):
        kept.append("max_ongoing_requests=100")
    return ", ".join(kept), route


def _check_block(program: Program, block: cst.With, made: list[Made]) -> None:
    """Plan which lines of the block go; only assignments of nodes, and what has nothing to do with them, may stand."""
    if len(block.items) != 1 or block.items[0].asname is None:
        raise GraphError(block, "the input of the graph has no name")
    binds = [each.bind for each in made]
    for line in block.body.body:
        small = line.body[0] if isinstance(line, cst.SimpleStatementLine) and len(line.body) == 1 else None
        if isinstance(small, cst.Assign) and len(small.targets) == 1:
            parts = _parts(small.targets[0].target, small.value)
            live = {_is_live(program, value) for value in parts if value not in binds}
            if len(live) > 1:
                raise GraphError(line, "this assigns nodes that stay and nodes that go")
            if live == {True} and isinstance(line, cst.SimpleStatementLine):
                made[0].driver.dropped.add(line)
        elif not isinstance(small, cst.Expr | cst.Return | cst.Pass) or _uses_nodes(program, small, binds):
            raise GraphError(line, "only assignments of nodes can stand in the graph's block")
    for each in made:
        for gone in each.driver.dropped:
            program.edits.drop(gone)


def _uses_nodes(program: Program, line: cst.CSTNode, binds: list[cst.Call]) -> bool:
    """Does the line use nodes outside of a driver?"""
    for node in walk(line):
        around = program.tree.ancestors(node)
        if isinstance(node, cst.Name) and _is_live(program, node) and not any(each in binds for each in around):
            return True
    return False


def _parts(target: cst.BaseExpression, value: cst.BaseExpression) -> list[cst.BaseExpression]:
    if isinstance(target, cst.Tuple) and isinstance(value, cst.Tuple) and len(target.elements) == len(value.elements):
        return [each.value for each in value.elements]
    return [value]


def _is_live(program: Program, value: cst.CSTNode) -> bool:
    """Does the node exist per request only, so that its assignment moves into a method of the driver?"""
    return any(_lives(program, each) for each in program.infer.of(value))


def _lives(program: Program, value: Value) -> bool:
    if isinstance(value, Box):
        return any(_lives(program, each) for each in value.items)
    if isinstance(value, Node):
        return isinstance(value.deployment.code, cst.FunctionDef) and _takes_nodes(program, value.call)
    return isinstance(value, MethodNode)


def _takes_nodes(program: Program, call: cst.Call) -> bool:
    return any(isinstance(value, MethodNode) for arg in call.args for value in program.infer.of(arg.value))


def _check_outside(program: Program, made: list[Made]) -> None:
    """Nodes of a graph that nothing but its driver knows how to run."""
    done = {call for each in made for run in each.driver.runs for call in run.done}
    binds = [each.bind for each in made]
    for call in program.infer.calls.by_name.get("bind", ()):
        if call in binds or call in done:
            continue
        if _takes_nodes(program, call):
            raise GraphError(call, "this node is used outside of the DAGDriver")
        if any(isinstance(value, MethodNode) for value in program.infer.of(call)):
            raise GraphError(call, "this call is made before those that are bound to the same object after it")
