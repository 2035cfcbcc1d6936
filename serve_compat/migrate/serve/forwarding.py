"""Requests that go on to other deployments: today's cannot be sent, so that a copy is made that can."""

from __future__ import annotations

import libcst as cst

from serve_compat.migrate.analysis.reaching import reaching
from serve_compat.migrate.analysis.tree import dotted
from serve_compat.migrate.analysis.values import Deployment, Handle
from serve_compat.migrate.rule import Rule
from serve_compat.migrate.serve.program import Program

SC224 = Rule(
    "SC224",
    "a request that goes on to another deployment is copied",
    "serve",
    "Today's requests cannot be sent to another replica. The copy has the same method, path, headers and body.",
)

NAME = "sendable"
_NAMES = {"request", "req", "starlette_request", "http_request", "flask_request"}
_TEXT = '''async def sendable(request):
    """A copy of an HTTP request that can be sent to other deployments."""
    if not isinstance(request, Request):
        return request
    body = await request.body()

    async def receive():
        return {"type": "http.request", "body": body}

    kept = ("type", "http_version", "method", "scheme", "path", "root_path", "query_string", "headers", "client")
    return Request({key: request.scope[key] for key in kept if key in request.scope}, receive)
'''


def make_sendable(program: Program) -> None:
    """Have the file define `sendable()`."""
    program.imports.add("from starlette.requests import Request")
    program.helpers[NAME] = _TEXT.replace("    ", program.tree.module.default_indent)


def convert_sending(program: Program) -> None:
    """Plan copies of the requests that handlers pass on to handles."""
    for call in program.infer.calls.by_name.get("remote", ()):
        if not isinstance(call.func, cst.Attribute) or call.func.attr.value != "remote":
            continue
        if not any(isinstance(value, Handle) for value in program.infer.of(call.func.value)):
            continue
        for arg in call.args:
            if not _is_request(program, arg.value):
                continue
            if not program.in_loop(call):
                program.block(call, SC224, "a request is sent on from synchronous code, where it cannot be copied")
                continue
            program.edits.change(arg.value, _sendable)
            program.notes.append((arg, SC224, "a copy of the request is sent"))
            make_sendable(program)


def _sendable(updated: cst.CSTNode) -> cst.CSTNode:
    assert isinstance(updated, cst.BaseExpression)
    return cst.Await(cst.Call(cst.Name(NAME), [cst.Arg(updated)]))


def _is_request(program: Program, node: cst.BaseExpression) -> bool:
    """Is it a parameter that by its name or annotation takes the HTTP request?"""
    bindings = reaching(program.tree, node) if isinstance(node, cst.Name) else []
    param = bindings[0].node if len(bindings) == 1 and bindings[0].kind == "param" else None
    if not isinstance(node, cst.Name) or not isinstance(param, cst.Param):
        return False
    kind = dotted(param.annotation.annotation).split(".")[-1] if param.annotation is not None else ""
    return kind == "Request" or (not kind and node.value in _NAMES and _is_handler(program, param))


def _is_handler(program: Program, param: cst.Param) -> bool:
    """Does HTTP call the function that has the parameter?"""
    function = program.tree.parents.get(program.tree.parents[param])
    if not isinstance(function, cst.FunctionDef):
        return False
    served = any(isinstance(made, Deployment) and function in made.codes for made in program.infer.calls.made)
    return served or function.name.value == "__call__"
