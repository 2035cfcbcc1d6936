"""What a handler reads of Flask's request, and where Starlette's has it."""

from __future__ import annotations

from dataclasses import dataclass

import libcst as cst

from serve_compat.migrate.analysis.expressions import code_of
from serve_compat.migrate.writing.texts import expression

_SAME = {"args": "query_params", "path": "url.path", "remote_addr": "client.host", "host": "url.netloc"}
_FLASK_ONLY = {
    "url": "str({}.url)",
    "base_url": 'str({}.url.replace(query=""))',
    "scheme": "{}.url.scheme",
    "query_string": "{}.url.query.encode()",
    "content_type": '{}.headers.get("content-type")',
}
"""What Starlette's requests have under the same name as something else, or not at all: only where Flask is certain."""
AWAITED = {"json": "json()", "form": "form()", "data": "body()", "get_json": "json()", "get_data": "body()"}
_NO_EQUIVALENT = frozenset(
    ["values", "full_path", "get_json_module", "is_json", "mimetype", "environ", "host_url", "files"]
)
_LOOSE = (cst.Assign, cst.AnnAssign, cst.Return, cst.Arg, cst.Expr, cst.Element, cst.DictElement)
_IN_STARLETTE = frozenset({"json", "form", "body"})


@dataclass(frozen=True, eq=False)
class FlaskUse:
    """One attribute of a request that Starlette's lacks, or that is called there.

    Attributes:
        node: the attribute, or its call.
        becomes: what stands behind the request then, or the whole with {} for the request; "" where there is no
            equivalent.
        awaited: whether that is awaited.
        decoded: whether bytes become a text.
        alone: nothing binds more closely to it than `await` does.
    """

    node: cst.BaseExpression
    request: cst.BaseExpression
    becomes: str
    awaited: bool = False
    decoded: bool = False
    alone: bool = False


def flask_use(request: cst.CSTNode, parents: dict[cst.CSTNode, cst.CSTNode], early: bool = False) -> list[FlaskUse]:
    """What one read of a request reads of it in Flask's way: nothing, or one thing.

    Args:
        parents: of the nodes of the function.
        early: the release had no other requests than Flask's.
    """
    above = parents.get(request)
    if not isinstance(above, cst.Attribute) or above.value is not request or not isinstance(request, cst.Name):
        return []
    is_flask = early or request.value.startswith("flask")
    outer = parents.get(above)
    call = outer if isinstance(outer, cst.Call) and outer.func is above else None
    name = above.attr.value
    if call is not None and name in _IN_STARLETTE:
        return []
    if name in _FLASK_ONLY and is_flask:
        return [FlaskUse(above, request, _FLASK_ONLY[name])]
    if name in _NO_EQUIVALENT:
        return [FlaskUse(above, request, "")]
    if name == "args" and _is_to_dict(parents, outer):
        return [FlaskUse(parents[outer], request, "dict({}.query_params)")]  # type: ignore[arg-type, index]
    if name == "args" and _asks_flask(parents, outer):
        return [FlaskUse(above, request, "")]
    if name in _SAME and call is None:
        return [FlaskUse(above, request, _SAME[name])]
    if name in ("get_json", "get_data") and call is not None:
        given = {code_of(arg).replace(" ", "") for arg in call.args}
        if given - {"force=True", "as_text=True", "silent=False", "cache=True", "cache=False"}:
            return [FlaskUse(call, request, "")]
        alone = isinstance(parents.get(call), _LOOSE)
        return [FlaskUse(call, request, AWAITED[name], True, "as_text=True" in given, alone)]
    if name in AWAITED and call is None:
        return [FlaskUse(above, request, AWAITED[name], True, alone=isinstance(outer, _LOOSE))]
    return []


def _asks_flask(parents: dict[cst.CSTNode, cst.CSTNode], method: cst.CSTNode | None) -> bool:
    """`.args.get("n", type=int)` and methods that Starlette's parameters lack."""
    if not isinstance(method, cst.Attribute):
        return False
    call = parents.get(method)
    typed = isinstance(call, cst.Call) and (len(call.args) > 2 or any(_is_type(arg) for arg in call.args))
    return method.attr.value in ("to_dict", "lists", "listvalues") or (method.attr.value == "get" and typed)


def _is_type(arg: cst.Arg) -> bool:
    return arg.keyword is not None and arg.keyword.value == "type"


def _is_to_dict(parents: dict[cst.CSTNode, cst.CSTNode], method: cst.CSTNode | None) -> bool:
    """`.args.to_dict()`: one value for each key."""
    call = parents.get(method) if isinstance(method, cst.Attribute) and method.attr.value == "to_dict" else None
    return isinstance(call, cst.Call) and call.func is method and not call.args


def starlette(use: FlaskUse) -> cst.BaseExpression:
    """The same in Starlette's way."""
    name = request_name(use.request)
    code = use.becomes.format(name) if "{}" in use.becomes else f"{name}.{use.becomes}"
    if use.awaited:
        code = f"await {code}" if use.alone and not use.decoded else f"(await {code})"
    return expression(f"{code}.decode()" if use.decoded else code)


def request_name(node: cst.BaseExpression) -> str:
    """What the request is called afterwards: it is none of Flask's any more."""
    name = code_of(node)
    return "request" if name in ("flask_request", "_") else name
