"""Calls of handles: what a backend got as a request, a deployment gets as the arguments themselves."""

from __future__ import annotations

import libcst as cst

from serve_compat.migrate.analysis.expressions import code_of, is_repeatable
from serve_compat.migrate.deployment.decide.pair import Pair
from serve_compat.migrate.deployment.find.file import Analysis
from serve_compat.migrate.deployment.find.handle_uses import Call, HandleUses, method_names, option
from serve_compat.migrate.deployment.find.handlers import is_ignored, request_parameter
from serve_compat.migrate.deployment.find.operations import EARLY
from serve_compat.migrate.rule import Rule
from serve_compat.migrate.writing.edits import Edits
from serve_compat.migrate.writing.texts import expression

SC106 = Rule(
    "SC106",
    "get_handle() becomes the deployment's, and its calls bring what the handler reads",
    "deployment",
    "A backend got the arguments of a handle's call wrapped in a request; a deployment gets them as they are. Where"
    " the handler reads a request, the call brings a small object that answers like one.",
    differs="Reading JSON or a form of what is no dict was an error.",
)

CLASS = "HandleRequest"
_GONE = ("shard_key", "http_method", "http_headers")


def rewrite_calls(
    uses: HandleUses, pair: Pair | None, file: Analysis, edits: Edits, done: dict[cst.CSTNode, bool]
) -> bool:
    """Plan the changes of all calls of one handle; returns whether the file needs the class of requests.

    Args:
        pair: whose handle it is; None where only run time knows that.
        done: calls that were planned already, for another handle that may be meant, and whether they need that class.
    """
    for call in uses.calls:
        if call.node not in done:
            done[call.node] = _rewrite(call, uses, pair if _is_sure(call, pair, file) else None, file, edits)
    for options in uses.options:
        if any(arg.keyword is not None and arg.keyword.value in _GONE for arg in options.args):
            edits.change(options, _without_http)
    return any(done[call.node] for call in uses.calls)


def _is_sure(call: Call, pair: Pair | None, file: Analysis) -> bool:
    """Whether the handle of a call certainly is that of one deployment. Calls of Ray 0.8 look alike for all."""
    if pair is None or pair.create.generation == EARLY:
        return True
    mine = {use.operation.call for use in pair.group.named("get_handle")}
    return file.origins[call.node] <= mine


def _without_http(updated: cst.CSTNode) -> cst.CSTNode:
    """`.options(...)` without what belongs to requests; just the handle where nothing is left."""
    if not isinstance(updated, cst.Call) or not isinstance(updated.func, cst.Attribute):
        return updated
    kept = [arg for arg in updated.args if arg.keyword is None or arg.keyword.value not in _GONE]
    if not kept:
        return updated.func.value
    kept[-1] = kept[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)
    return updated.with_changes(args=kept)


def _rewrite(call: Call, uses: HandleUses, pair: Pair | None, file: Analysis, edits: Edits) -> bool:
    args = list(call.node.args)
    positional = [arg for arg in args if arg.keyword is None and not arg.star]
    if len(positional) > 1:
        return False  # Ray 1.4 and later passed these on as they are
    if pair is not None and pair.create.generation == EARLY:
        edits.change(call.node, _with_none)
        return False
    if pair is not None and _ignores_requests(call, uses, pair, file):
        nothing = _takes_nothing(call, uses, pair, file)
        if (nothing and not args) or (len(positional) == 1 and len(args) == 1 and not nothing):
            return False
        if all(is_repeatable(arg.value) for arg in args):
            instead = [] if nothing else [cst.Arg(cst.Name("None"))]
            edits.change(call.node, lambda updated: updated.with_changes(args=instead))
            return False
    for arg in args:
        if _is_reference(arg.value, file):
            edits.change(arg.value, lambda updated, arg=arg: _fetched(updated, arg, file))  # type: ignore[misc]
    edits.change(call.node, lambda updated: _with_request(updated, call))
    return True


def _is_reference(node: cst.BaseExpression, file: Analysis) -> bool:
    """Ray replaced an ObjectRef by its value only where it was an argument itself, which it is not in a request."""
    if file.names.kind(node) == "ref":
        return True
    value = file.constants.value(node)
    return isinstance(value, cst.Call) and file.names.qualified(value.func) == "ray.put"


def _fetched(updated: cst.CSTNode, arg: cst.Arg, file: Analysis) -> cst.BaseExpression:
    function = file.tree.enclosing_function(arg)
    waits = isinstance(function, cst.FunctionDef) and function.asynchronous is not None
    return expression(f"await {code_of(updated)}" if waits else f"ray.get({code_of(updated)})")


def _with_none(updated: cst.CSTNode) -> cst.CSTNode:
    """Ray 0.8: the arguments are keywords of the handler, and its request is none of HTTP."""
    assert isinstance(updated, cst.Call)
    first = cst.Arg(cst.Name("None"))
    if updated.args:
        first = first.with_changes(comma=cst.Comma(whitespace_after=cst.SimpleWhitespace(" ")))
    return updated.with_changes(args=[first, *updated.args])


def _ignores_requests(call: Call, uses: HandleUses, pair: Pair, file: Analysis) -> bool:
    for name in method_names(uses, call, file.constants):
        function = pair.handler.method(name) if name is not None else None
        if function is None or not is_ignored(function, pair.handler.is_class):
            return False
    return not pair.is_batch


def _takes_nothing(call: Call, uses: HandleUses, pair: Pair, file: Analysis) -> bool:
    for name in method_names(uses, call, file.constants):
        function = pair.handler.method(name) if name is not None else None
        if function is None or request_parameter(function, pair.handler.is_class) is not None:
            return False
    return True


def _with_request(updated: cst.CSTNode, call: Call) -> cst.CSTNode:
    assert isinstance(updated, cst.Call)
    parts, query = [], []
    for arg in updated.args:
        value = code_of(arg.value)
        if arg.star == "**":
            query.append(f"**{value}")
        elif arg.keyword is None or arg.keyword.value == "request_data":
            parts.append(value)
        else:
            query.append(f'"{arg.keyword.value}": {value}')
    if query:
        alone = len(query) == 1 and query[0].startswith("**")
        parts.append(f"query={query[0][2:] if alone else '{' + ', '.join(query) + '}'}")
    for name, wanted in (("http_method", "method"), ("http_headers", "headers")):
        given = option(call, name)
        if given is not None:
            parts.append(f"{wanted}={code_of(given)}")
    return updated.with_changes(args=[cst.Arg(expression(f"{CLASS}({', '.join(parts)})"))])


_MEMBERS = {
    "body": "    async def body(self):\n        return self.data\n",
    "json": "    async def json(self):\n        return self.data\n",
    "form": "    async def form(self):\n        return self.data\n",
}


def request_class(used: set[str]) -> str:
    """The source of the class of requests.

    Args:
        used: "data" and "query" where calls give them, and the names of attributes that handlers read.
    """
    known = [name for name in _MEMBERS if name in used]
    params, lines = [], []
    for name, default, value, needed in (
        ("data", "None", "data", bool(known)),
        ("query_params", "None", "query or {}", bool({"query", "query_params"} & used)),
        ("method", '"GET"', "method", "method" in used),
        ("headers", "None", "headers or {}", "headers" in used),
    ):
        given = "query" if name == "query_params" else name
        if needed or given in used:
            params.append(f"{given}={default}")
            lines.append(f"        self.{name} = {value}\n")
    text = f'class {CLASS}:\n    """What Python sends to a handler that reads HTTP requests."""\n'
    if params:
        text += f"\n    def __init__(self, {', '.join(params)}):\n{''.join(lines)}"
    return text + "".join(f"\n{_MEMBERS[name]}" for name in known)
