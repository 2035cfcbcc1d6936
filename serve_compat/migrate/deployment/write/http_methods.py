"""Endpoints answered only the HTTP methods they were created with; a deployment answers all, so its handler refuses."""

from __future__ import annotations

from textwrap import indent

import libcst as cst

from serve_compat.migrate.analysis.expressions import code_of, is_docstring, quoted
from serve_compat.migrate.deployment.decide.pair import Methods, Pair
from serve_compat.migrate.deployment.find.handlers import request_parameter
from serve_compat.migrate.deployment.write.rewriting import Rewriting
from serve_compat.migrate.rule import Rule
from serve_compat.migrate.writing.texts import expression, statement

SC105 = Rule(
    "SC105",
    "the handler refuses the HTTP methods that its endpoint refused",
    "deployment",
    "An endpoint answered GET only, unless it was given methods=; a deployment answers them all. --no-pin leaves"
    " the guard out.",
    differs="The answer is still 405; its text is that of Ray 1.4.",
)

REQUEST = "from starlette.requests import Request"
RESPONSE = "from starlette.responses import Response"
WRAPPER = "only_methods"
_REFUSAL = """\
if isinstance(request, Request) and request.method not in methods:
    return Response("Method Not Allowed", status_code=405)
"""
_CLASS = '''\
def only_methods(served, *methods):
    """The class, refusing HTTP requests with other methods."""

    class OnlyMethods(served):
        {define} __call__(self, request):
{refusal}            return {answer}

    return OnlyMethods
'''
_FUNCTION = '''\
def only_methods(served, *methods):
    """The function, refusing HTTP requests with other methods."""

    {define} only(request):
{refusal}        return {answer}

    return only
'''
_ANY = '''\
def only_methods(served, *methods):
    """The class or function, refusing HTTP requests with other methods."""

    async def answered(request, answer):
{refusal}        result = answer(request) if inspect.signature(answer).parameters else answer()
        return await result if inspect.isawaitable(result) else result

    if not inspect.isclass(served):

        async def only(request=None):
            return await answered(request, served)

        return only

    class OnlyMethods(served):
        async def __call__(self, request=None):
            return await answered(request, super().__call__)

    return OnlyMethods
'''


def wrapper_code(kinds: set[str]) -> str:
    """The source of the function that wraps handlers.

    Args:
        kinds: what it is used for: "class", "async class", "function", "async function", or "" where that is not known.
    """
    kind = next(iter(kinds)) if len(kinds) == 1 else ""
    define = "async def" if kind.startswith("async") else "def"
    wait = "await " if kind.startswith("async") else ""
    if kind.endswith("class"):
        return _CLASS.format(
            define=define, refusal=indent(_REFUSAL, " " * 12), answer=f"{wait}super().__call__(request)"
        )
    if kind.endswith("function"):
        return _FUNCTION.format(define=define, refusal=indent(_REFUSAL, " " * 8), answer=f"{wait}served(request)")
    return _ANY.format(refusal=indent(_REFUSAL, " " * 8))


def _kind(pair: Pair) -> str:
    node, is_async, body = pair.handler.node, pair.handler.is_async, pair.handler.body
    if is_async is None or node is None or body is None or request_parameter(body, pair.handler.is_class) is None:
        return ""
    return ("async " if is_async else "") + ("class" if isinstance(node, cst.ClassDef) else "function")


def guard(pair: Pair, rewriting: Rewriting) -> None:
    """Plan the guard inside the handler; what is wrapped or takes batches gets it elsewhere."""
    methods, node = pair.methods, pair.handler.node
    if methods is None:
        return
    rewriting.report(SC105, pair.endpoint.call, "the handler refuses the HTTP methods that the endpoint refused")
    function = pair.handler.body
    if methods.wrapped or pair.is_batch or function is None:
        return
    param = request_parameter(function, pair.handler.is_class)
    name = "request" if param is None or param.name.value in ("flask_request", "_") else param.name.value
    may_lack = param is not None and param.default is not None  # somebody calls it without a request
    lines = guard_lines(methods, name, rewriting, may_lack)
    if isinstance(node, cst.Lambda):
        rewriting.guards[pair] = lines
        return
    if function in rewriting.guarded:
        return
    rewriting.guarded.add(function)
    assert isinstance(function, cst.FunctionDef)
    if param is None:
        default = None if methods.always_http else cst.Name("None")  # calls of handles bring nothing
        rewriting.edits.change(function.params, lambda updated: _with_request(updated, default))
    rewriting.edits.change(function.body, lambda updated: _guarded(updated, lines))


def guard_lines(methods: Methods, name: str, rewriting: Rewriting, may_lack: bool = False) -> list[str]:
    """The two lines of a guard.

    Args:
        may_lack: the handler may be called without a request.
    """
    texts = methods.texts
    wanted = f"!= {quoted(texts[0])}" if len(texts) == 1 else "not in (" + ", ".join(map(quoted, texts)) + ")"
    test = f"{name}.method {wanted}"
    rewriting.imports.add(RESPONSE)
    if may_lack or not methods.always_http:
        rewriting.imports.add(REQUEST)
        test = f"isinstance({name}, Request) and {test}"
    return [f"if {test}:", '    return Response("Method Not Allowed", status_code=405)']


def _with_request(updated: cst.CSTNode, default: cst.BaseExpression | None) -> cst.CSTNode:
    assert isinstance(updated, cst.Parameters)
    nothing = cst.SimpleWhitespace("")
    equal = cst.AssignEqual(nothing, nothing) if default is not None else cst.MaybeSentinel.DEFAULT
    return updated.with_changes(
        params=[*updated.params, cst.Param(cst.Name("request"), default=default, equal=equal, star="")]
    )


def _guarded(updated: cst.CSTNode, lines: list[str]) -> cst.CSTNode:
    test = statement("\n".join(lines) + "\n")
    if isinstance(updated, cst.SimpleStatementSuite):
        return cst.IndentedBlock([test, cst.SimpleStatementLine(updated.body)])
    assert isinstance(updated, cst.IndentedBlock)
    body = list(updated.body)
    place = 1 if is_docstring(body[0]) else 0
    return updated.with_changes(body=[*body[:place], test, *body[place:]])


def wrapped(pair: Pair, rewriting: Rewriting, served: cst.BaseExpression) -> cst.BaseExpression:
    """The handler as the first argument of serve.deployment(): wrapped, where it cannot be guarded itself."""
    methods = pair.methods
    if methods is None or not methods.wrapped:
        return served
    kinds = rewriting.helpers.setdefault(WRAPPER, set())
    kinds.add(_kind(pair))
    rewriting.imports |= {REQUEST, RESPONSE, *(["import inspect"] if kinds == {""} or len(kinds) > 1 else [])}
    if methods.expression is not None:
        names = f"*{rewriting.code(methods.expression)}"
    else:
        names = ", ".join(map(quoted, methods.texts))
    return expression(f"{WRAPPER}({code_of(served)}, {names})")
