"""How handlers read their requests: in Flask's way up to Ray 1.1, in Starlette's since; `serve.context.web` of 0.8."""

from __future__ import annotations

import libcst as cst

from serve_compat.migrate.analysis.children import names_in, parents_in, walk
from serve_compat.migrate.analysis.expressions import code_of
from serve_compat.migrate.deployment.decide.files import Files
from serve_compat.migrate.deployment.decide.pair import Pair, batch_marks
from serve_compat.migrate.deployment.decide.receivers import Receiver, functions_of, receivers
from serve_compat.migrate.deployment.find.file import Analysis
from serve_compat.migrate.deployment.find.flask_attributes import AWAITED, FlaskUse, flask_use, request_name, starlette
from serve_compat.migrate.deployment.find.handlers import SC127, mentions, reads, request_parameter
from serve_compat.migrate.deployment.find.operations import EARLY
from serve_compat.migrate.deployment.find.staying import Inconvertible
from serve_compat.migrate.rule import Rule
from serve_compat.migrate.writing.edits import Edits
from serve_compat.migrate.writing.texts import expression

SC111 = Rule(
    "SC111",
    "Flask's way of reading a request becomes Starlette's",
    "deployment",
    "Up to Ray 1.1 handlers got a Flask request. .args is .query_params; .json, .form and .data are awaited, which"
    " makes the handler a coroutine function. serve.context.web of Ray 0.8 asks whether there is an HTTP request.",
    differs="Handlers that wait for their request overlap at these places.",
)

_LISTS = ("getlist", "multi_items")


def check(pair: Pair, files: Files) -> None:
    """Can the handler be brought to read its requests as today's do?

    Raises:
        Inconvertible: no.
    """
    handler, home = pair.handler, pair.home
    if handler.node is None and pair.create.generation == EARLY:
        raise Inconvertible(
            SC127, "how the handler reads its request cannot be seen, and in Ray 0.8 that was Flask's way"
        )
    if handler.node is None and _speaks_flask(home):
        raise Inconvertible(SC127, "which handler this is cannot be told, and the file reads requests in Flask's way")
    if handler.is_class and handler.body is None and pair.create.generation == EARLY:
        raise Inconvertible(SC127, "the class inherits its __call__, and in Ray 0.8 that read Flask's requests")
    for receiver in receivers(pair, files):
        function, found = receiver.function, flask_uses(receiver, pair)
        if found and not handler.here:
            raise Inconvertible(SC127, "the handler reads its request in Flask's way, and is defined elsewhere")
        for use in found:
            if not use.becomes:
                raise Inconvertible(SC127, f"{code_of(use.node)} has no equivalent in Starlette's requests")
        late = next((use for use in found if use.awaited and not receiver.is_own), None)
        if late is not None:
            raise Inconvertible(SC127, f"{code_of(late.node)} has to be awaited, outside of the handler")
        if any(use.awaited for use in found) and not isinstance(function, cst.Lambda):
            _check_can_wait(function, found, pair)
        if any(use.awaited for use in found) and isinstance(function, cst.Lambda) and not handler.here:
            raise Inconvertible(SC127, "the lambda would have to wait for its request")
        if pair.group.named("get_handle") and _reads_lists(receiver):
            raise Inconvertible(SC127, "it reads lists from query_params, which calls of handles do not bring")
        if any((home.names.qualified(node) or "").endswith(".ServeRequest") for node in walk(function)):
            raise Inconvertible(SC127, "it asks for ServeRequest, which calls of today's handles do not bring")
    _check_context(pair)
    if batch_marks(handler, home):
        _check_batch(pair)


def _reads_lists(receiver: Receiver) -> bool:
    """`request.query_params.getlist("tag")`: of a handle's call, the query is a plain dict."""
    parents = receiver.parents
    for node in receiver.nodes:
        query = parents.get(node)
        method = parents.get(query) if query is not None else None
        if isinstance(method, cst.Attribute) and method.value is query and method.attr.value in _LISTS:
            return True
    return False


def _speaks_flask(home: Analysis) -> bool:
    """Whether any function of the file reads something that looks like Flask's request."""
    for function in home.tree.nodes(cst.FunctionDef):
        parents = parents_in(function)
        for param in function.params.params:
            if "request" in param.name.value and any(flask_use(each, parents) for each in reads(function, param)):
                return True
    return False


def _check_can_wait(function: cst.FunctionDef, found: list[FlaskUse], pair: Pair) -> None:
    inner = [each for each in walk(function.body) if isinstance(each, cst.FunctionDef | cst.Lambda | cst.GeneratorExp)]
    for use in found:
        if use.awaited and any(use.node in set(walk(each)) for each in inner):
            raise Inconvertible(SC127, f"{code_of(use.node)} has to be awaited, which is not possible where it stands")
    if any(isinstance(each, cst.Yield) for each in walk(function.body)):
        raise Inconvertible(SC127, "the handler is a generator, and would have to be a coroutine")
    if function.asynchronous is None and isinstance(pair.handler.node, cst.ClassDef):
        name = function.name.value
        for each in (one for owner in (pair.handler.node, *pair.handler.bases) for one in walk(owner)):
            if (
                isinstance(each, cst.Attribute)
                and each.attr.value == name
                and code_of(each.value) in ("self", "super()")
            ):
                raise Inconvertible(
                    SC127, f"{name}() would become a coroutine function, and is called inside the class"
                )


def _check_context(pair: Pair) -> None:
    node = pair.handler.node
    for each in walk(node) if node is not None and pair.handler.here else ():
        name = (pair.home.names.qualified(each) or "") if isinstance(each, cst.Attribute) else ""
        is_web = name == "ray.serve.context.web" and pair.create.generation == EARLY
        if name.startswith("ray.serve.context.") and not is_web:
            raise Inconvertible(SC127, f"{code_of(each)} has no equivalent in a deployment")


def _check_batch(pair: Pair) -> None:
    node = pair.handler.node
    if not pair.handler.here or not isinstance(node, cst.ClassDef | cst.FunctionDef) or pair.handler.body is None:
        raise Inconvertible(SC127, "the handler takes batches, and is defined elsewhere")
    if pair.handler.is_inherited:
        raise Inconvertible(SC127, "the handler takes batches, by a method that it inherits")
    if len(mentions(node, pair.home.constants, pair.home.file)) != 1:
        raise Inconvertible(SC127, "the handler takes batches, and is used in several places")
    if pair.create.generation == EARLY and pair.group.named("get_handle"):
        raise Inconvertible(SC127, "in Ray 0.8 calls of a handle reached a batch handler as lists of keyword arguments")
    body = pair.handler.body
    if any(isinstance(each, cst.Yield) for each in walk(body.body)):
        raise Inconvertible(SC127, "the batch handler is a generator")


def flask_uses(receiver: Receiver, pair: Pair) -> list[FlaskUse]:
    """The places where a function reads its request in Flask's way."""
    parents, early = receiver.parents, pair.create.generation == EARLY
    return [use for each in receiver.nodes for use in flask_use(each, parents, early)]


def parts_read(pair: Pair, files: Files) -> set[str]:
    """The attributes of requests that the handler reads, as today's requests call them; all where that is not known."""
    functions = functions_of(pair, files)
    every = {"body", "json", "form", "method", "headers", "query_params"}
    if pair.handler.node is None or not functions:
        return every
    found = set()
    for function in functions:
        param = request_parameter(function, pair.handler.is_class)
        parents = parents_in(function)
        for read in reads(function, param) if param is not None else ():
            above = parents.get(read)
            if not isinstance(above, cst.Attribute):
                return every
            found.add(AWAITED.get(above.attr.value, above.attr.value).rstrip("()"))
    return found


def apply(pair: Pair, files: Files, edits: Edits) -> bool:
    """Let the handler read its requests as today's do; returns whether anything changes."""
    changed = False
    for receiver in receivers(pair, files) if pair.handler.here else ():
        function, found = receiver.function, flask_uses(receiver, pair)
        for use in found:
            edits.change(use.node, lambda _, use=use: starlette(use))  # type: ignore[misc]
        if any(use.awaited for use in found) and isinstance(function, cst.FunctionDef) and not function.asynchronous:
            edits.change(function, lambda updated: updated.with_changes(asynchronous=cst.Asynchronous()))
        changed = changed or bool(found) or receiver.param.name.value == "flask_request"
        _rename(receiver, pair, edits)
    return _context(pair, edits) or changed


def _rename(receiver: Receiver, pair: Pair, edits: Edits) -> None:
    """`flask_request` is none any more; what had no name gets one where the guard needs it."""
    function, param = receiver.function, receiver.param
    guarded = pair.methods is not None and not pair.methods.wrapped and function is pair.handler.body
    if not (param.name.value == "flask_request" or (param.name.value == "_" and guarded)):
        return
    if "request" in names_in(function):
        return
    for name in (param.name, *reads(function, param)):
        edits.change(name, lambda updated: updated.with_changes(value="request"))


def _context(pair: Pair, edits: Edits) -> bool:
    """`serve.context.web` asks whether a request came by HTTP: handles bring None in its place."""
    found = False
    node = pair.handler.node
    for function in walk(node) if node is not None and pair.handler.here else ():
        if not isinstance(function, cst.FunctionDef):
            continue
        param = request_parameter(function, pair.handler.is_class)
        for each in walk(function.body):
            known = isinstance(each, cst.Attribute) and pair.home.names.qualified(each) == "ray.serve.context.web"
            if known and param is not None:
                code = f"{request_name(param.name)} is not None"
                edits.replace(each, expression(code))
                found = True
    return found
