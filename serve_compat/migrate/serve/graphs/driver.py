"""The class that takes the place of a DAGDriver: its source."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import libcst as cst

from serve_compat.migrate.rule import Rule
from serve_compat.migrate.serve.graphs.adapters import Adapter
from serve_compat.migrate.serve.graphs.calls import Driver, Run

SC220 = Rule(
    "SC220",
    "a DAGDriver and its InputNode become a deployment that makes the graph's calls",
    "serve",
    "Graphs of method calls are gone; a class with handles does the same in ordinary code. FastAPI finds the route"
    " of a driver with several, and fills in the parameters of an http_adapter.",
    differs="The driver answers every HTTP method, and its calls appear in its own code.",
)


@dataclass(frozen=True)
class Style:
    """How the class is written in this file.

    Attributes:
        name: of the class.
        options: of its deployment, as source.
        serve: how the file calls `ray.serve`.
        step: one level of indentation.
        app: the variable of the FastAPI application, where one is needed.
        numpy: the name of numpy, where results may hold its arrays; "" elsewhere.
    """

    name: str
    options: str
    serve: str
    step: str
    app: str
    numpy: str


def needs_app(driver: Driver, adapter: Adapter) -> bool:
    """Must FastAPI find the route, or make the input?"""
    return bool(adapter.parameter) or any(run.route for run in driver.runs)


def driver_imports(driver: Driver, adapter: Adapter, style: Style) -> frozenset[tuple[str, str]]:
    """What the class needs, as (module, name)."""
    found = {("fastapi.encoders", "jsonable_encoder"), ("starlette.responses", "JSONResponse")}
    if style.numpy:
        found.add(("numpy", ""))
    if any("attribute" in run.input_forms for run in driver.runs):
        found.add(("types", "SimpleNamespace"))
    if needs_app(driver, adapter):
        found.add(("fastapi", "FastAPI"))
        if adapter.source:
            found.add(("starlette.requests", "Request"))
        elif adapter.parameter.startswith("=Depends"):
            found.add(("fastapi", "Depends"))
    return frozenset(found)


def spaced(text: str, blank: Sequence[cst.EmptyLine]) -> list[cst.SimpleStatementLine | cst.BaseCompoundStatement]:
    """The statements of a source.

    Args:
        blank: the empty lines between them; none keeps those of the source.
    """
    body = list(cst.parse_module(text).body)
    return [each.with_changes(leading_lines=blank) if blank else each for each in body]


def class_text(driver: Driver, adapter: Adapter, style: Style) -> str:
    """The source of the driver class."""
    step = style.step
    body = [f"@{style.serve}.deployment({style.options})" if style.options else f"@{style.serve}.deployment"]
    if needs_app(driver, adapter):
        body.append(f"@{style.serve}.ingress({style.app})")
    body += [f"class {style.name}:", f"{step}def __init__(self, {', '.join(driver.parameters)}):"]
    body += [f"{step * 2}self.{each} = {each}" for each in driver.parameters]
    for run in driver.runs:
        body += ["", *_run(run, driver.input_name, step)]
    if driver.runs[0].route:
        routes = ", ".join(f'"{run.route}": self.{_method(run)}' for run in driver.runs)
        body += ["", f"{step}async def predict_with_route(self, route_path, *args, **kwargs):"]
        body += [f"{step * 2}routes = {{{routes}}}"]
        body += [f"{step * 2}return await routes[route_path](*args, **kwargs)"]
    for run in driver.runs:
        body += ["", *_answer(run, driver, adapter, style)]
    return "\n".join(body) + "\n"


def _method(run: Run) -> str:
    slug = re.sub(r"\W+", "_", run.route).strip("_")
    return f"run_{slug or 'root'}" if run.route else "predict"


def _run(run: Run, name: str, step: str) -> list[str]:
    """The method that makes the calls of one graph."""
    heads = {
        "key": ("*args, **kwargs", [f"{name} = args[0] if args else kwargs"]),
        "attribute": ("*args, **kwargs", [f"{name} = args[0] if args else SimpleNamespace(**kwargs)"]),
        "index": ("*args", [f"{name} = args[0] if len(args) == 1 else args"]),
    }
    form = next((form for form in heads if form in run.input_forms), "")
    signature, head = heads.get(form, (name, []))
    answer, lines = run.answer, list(run.lines)
    if answer.startswith("self.") and "(" not in answer:
        answer = f"{answer}.remote({name})"
    last = f"{answer} = "
    if lines and lines[-1].startswith(last):
        answer = lines.pop()[len(last) :]
    return [
        f"{step}async def {_method(run)}(self, {signature}):",
        *(f"{step * 2}{line}" for line in [*head, *lines]),
        f"{step * 2}return await {answer}",
    ]


def _answer(run: Run, driver: Driver, adapter: Adapter, style: Style) -> list[str]:
    """The method that answers HTTP requests."""
    step, method = style.step, _method(run)
    argument = adapter.source or driver.input_name
    result = f"await self.{method}({argument})"
    answer = [f"{step * 2}return JSONResponse(jsonable_encoder({result}))"]
    if style.numpy:
        np = style.numpy
        answer = [
            f"{step * 2}encoders = {{{np}.ndarray: {np}.ndarray.tolist, {np}.generic: {np}.generic.item}}",
            f"{step * 2}return JSONResponse(jsonable_encoder({result}, custom_encoder=encoders))",
        ]
    if not needs_app(driver, adapter):
        return [f"{step}async def __call__(self, request):", *answer]
    parameter = f"{driver.input_name}{adapter.parameter}" if adapter.parameter else "request: Request"
    path = run.route or "/{path:path}"
    name = f"answer_{method[4:]}" if run.route else "answer"
    return [
        f'{step}@{style.app}.api_route("{path}", methods=["GET", "POST"])',
        f"{step}async def {name}(self, {parameter}):",
        *answer,
    ]
