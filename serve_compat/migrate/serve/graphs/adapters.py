"""How the driver of a graph makes the graph's input of an HTTP request."""

from __future__ import annotations

from dataclasses import dataclass

import libcst as cst

from serve_compat.migrate.analysis.expressions import is_none, literal
from serve_compat.migrate.analysis.tree import dotted
from serve_compat.migrate.analysis.values import Class, Function
from serve_compat.migrate.serve.graphs.calls import ADAPTERS, GraphError
from serve_compat.migrate.serve.program import Program

SENT = "await sendable(request)"  # the graph's deployments get a copy of the request
_OF_RAY = {"json_request": "await request.json()", "starlette_request": SENT}
_ARRAYS = '''class NdArray(BaseModel):
    """An array in JSON: nested lists, and perhaps what to make of them."""

    array: list
    shape: Optional[List[int]] = None
    dtype: Optional[str] = None


def json_to_ndarray(payload: NdArray):
    """The array that a request brings."""
    array = numpy.array(payload.array)
    if payload.shape is not None:
        array = array.reshape(*payload.shape)
    return array if payload.dtype is None else array.astype(payload.dtype)
'''
_NEEDED = {"import numpy", "from typing import List, Optional", "from pydantic import BaseModel"}


@dataclass(frozen=True)
class Adapter:
    """What stands for an http_adapter.

    Attributes:
        source: the graph's input where a variable `request` holds the request; "" where FastAPI has to make it.
        parameter: what follows the name of the endpoint's parameter that FastAPI fills in: `=Depends(parse)`.
    """

    source: str = ""
    parameter: str = ""


def http_adapter(program: Program, bind: cst.Call, place: cst.CSTNode) -> Adapter:
    """The adapter of a driver.

    Args:
        bind: `DAGDriver.bind(...)`.
        place: where the driver's class will stand, which must know the adapter.

    Raises:
        GraphError: it has no equivalent.
    """
    named = (arg.value for arg in bind.args if arg.keyword is not None and arg.keyword.value in ADAPTERS)
    unnamed = [arg.value for arg in bind.args if arg.keyword is None]
    given = next(named, unnamed[1] if len(unnamed) > 1 else None)
    if given is None or is_none(given):
        return Adapter(SENT)
    path = (literal(given) or program.infer.library(given)).replace(":", ".")
    if path.startswith("ray.serve."):
        last = path.split(".")[-1]
        if last == "json_to_ndarray":
            program.imports |= _NEEDED
            program.helpers[last] = _ARRAYS.replace("    ", program.tree.module.default_indent)
            return Adapter(parameter="=Depends(json_to_ndarray)")
        source = _OF_RAY.get(last)
        if source is None:
            raise GraphError(bind, f"the http_adapter {last} is gone; write a function that does its work")
        return Adapter(source)
    if not isinstance(given, cst.Name | cst.Attribute):
        raise GraphError(bind, "this http_adapter is no name of a function or pydantic model")
    return _own(program, bind, given, place)


def _own(program: Program, bind: cst.Call, given: cst.Name | cst.Attribute, place: cst.CSTNode) -> Adapter:
    name = program.code(given)
    for value in program.infer.of(given):
        if not isinstance(value, Class | Function):
            continue
        if program.tree.order[value.node] > program.tree.order[place]:
            raise GraphError(bind, "the http_adapter is defined after the graph's input")
        if isinstance(value, Class) and value.node.bases:
            return Adapter(parameter=f": {name}")
        if isinstance(value, Function) and isinstance(value.node, cst.FunctionDef):
            return _function(program, bind, value.node, name)
    last = name.split(".")[-1]
    if program.infer.library(given) and last.islower():
        return Adapter(parameter=f"=Depends({name})")
    raise GraphError(bind, "what this http_adapter is cannot be told from this file")


def _function(program: Program, bind: cst.Call, function: cst.FunctionDef, name: str) -> Adapter:
    parameters = [*function.params.posonly_params, *function.params.params, *function.params.kwonly_params]
    if any(each.annotation is None for each in parameters):
        raise GraphError(bind, "a parameter of the http_adapter has no annotation, which was an error")
    kinds = [dotted(each.annotation.annotation).split(".")[-1] for each in parameters if each.annotation is not None]
    if kinds == ["Request"] and "HTTPException" not in program.code(function):
        call = f"{name}(request)"
        return Adapter(f"await {call}" if function.asynchronous is not None else call)
    return Adapter(parameter=f"=Depends({name})")
