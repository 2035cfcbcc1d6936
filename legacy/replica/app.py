"""The ASGI app of a replica: a proxy's request in, user code, the answer out. Runs on the user loop."""

from __future__ import annotations

import asyncio
import time
import uuid
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from legacy.errors import MethodMissingError
from legacy.http.contract import REFUSED, REQUEST_ID, STRANGER, Routed
from legacy.http.head import CLOSE, PLAIN_TEXT
from legacy.http.protocol import ASGI, SCOPE_KEY
from legacy.logs import logger
from legacy.replica.call_context import WEB
from legacy.replica.faults import error_text, traceback_text, users_part
from legacy.replica.flask_request import flask_request
from legacy.replica.invoke import Handler, Servable
from legacy.replica.messages import CALL, WHOLE_PATH, HTTPRequest
from legacy.replica.metrics import ReplicaMetrics
from legacy.replica.proxy_lines import ProxyLines
from legacy.replica.results import to_http

GAVE_UP = "the replica was stopped before this request was done: its time to finish was up"

_DENIAL = "websocket.http.response"


class ReplicaApp:
    """Serves one servable to the proxies.

    Args:
        servable: the user code.
        metrics: where requests are counted.
        ceiling: see below.
        debug: send tracebacks to clients.
        name: of what it serves, for the log.

    Attributes:
        in_flight: requests that are in user code or whose answer is still being sent.
        ceiling: more than that at the same time are refused; the routers keep the real limit.
        draining: refuse what arrives, without running user code.
        expired: the drain's time is up; requests that are cancelled are answered with 503.
    """

    def __init__(self, servable: Servable, metrics: ReplicaMetrics, ceiling: int, debug: bool, name: str = "") -> None:
        self.in_flight = 0
        self.ceiling = ceiling
        self.draining = False
        self.expired = False
        self._servable = servable
        self._metrics = metrics
        self._debug = debug
        self._name = name
        self._lines = ProxyLines()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request of a proxy on this node."""
        if scope["type"] == "websocket":
            await self._talk(scope, receive, send)
            return
        call = self._lines.take(scope)
        if call is None:
            await _say(send, 400, STRANGER, CLOSE)
        elif self.draining:
            await _say(send, 503, "this replica is stopping", REFUSED)
        elif self.in_flight >= self.ceiling:
            await _say(send, 503, "this replica is full", REFUSED)
        else:
            await self._serve(call, scope, receive, send)

    async def _serve(self, call: Routed, scope: Scope, receive: Receive, send: Send) -> None:
        method, scope["root_path"], path_params = call
        name = method if method and self._servable.called_by_header else CALL
        if path_params:
            scope["path_params"] = path_params
        scope["asgi"] = ASGI  # the connection cancels us: responses need not watch for disconnects
        self.in_flight += 1
        began, failed = time.perf_counter(), True
        try:
            if self._servable.asgi is not None:
                failed = not await self._hand_over(self._servable.asgi, scope, receive, send)
                return
            result = await self._run(name, scope, receive)
            if isinstance(result, Response):
                failed = not await self._forward(result, scope, receive, send)
            else:
                headers, body = to_http(result, self._servable.todays_json)
                await send({"type": "http.response.start", "status": 200, "headers": headers})
                await send({"type": "http.response.body", "body": body})
                failed = False
        except asyncio.CancelledError as error:
            if self.expired:
                await _say(send, 503, GAVE_UP)
            elif not _is_cancelled(scope):
                await self._fail(error, scope, send)
            else:
                raise
        except BaseException as error:  # user code may raise anything; the proxy gets a 500 and the replica lives on
            if not _client_left(error, scope):
                await self._fail(error, scope, send)
        finally:
            self.in_flight -= 1
            self._metrics.count(time.perf_counter() - began, failed)

    async def _run(self, name: str, scope: Scope, receive: Receive) -> Any:
        if name.startswith("_") and name != CALL:
            raise MethodMissingError(f"X-SERVE-CALL-METHOD names {name!r}; only public methods can be called over HTTP")
        if self._servable.wants_flask:
            return await self._run_early(name, scope, receive)
        if self._find(name).takes_nothing:
            return await self._servable.call(name, (), {})
        if self._servable.strips_prefix and scope["root_path"]:
            _strip_prefix(scope)
        request = HTTPRequest(scope, receive)
        await _read_body(request)
        return await self._servable.call(name, (request,), {})

    def _find(self, name: str) -> Handler:
        try:
            return self._servable.find(name)
        except MethodMissingError as error:  # it lists the public methods, which are for the log
            raise MethodMissingError(f"there is no method {name!r} to call over HTTP") from error

    async def _run_early(self, name: str, scope: Scope, receive: Receive) -> Any:
        """Call the handler as Ray 0.8-1.1 did."""
        servable = self._servable
        handler = self._find(name)
        WEB.set(True)
        wanted = handler.needs_positional if servable.takes_keywords else not handler.takes_nothing
        if not (wanted or servable.batches):
            return await servable.call(name, (), {})
        request = HTTPRequest(scope, receive)
        await _read_body(request)
        return await servable.call(name, (flask_request(scope, await request.body()),), {})

    async def _hand_over(self, asgi: ASGIApp, scope: Scope, receive: Receive, send: Send) -> bool:
        """Let the user's ASGI application answer; False when it broke off half-way."""
        lock = self._servable.lock
        await lock.acquire()
        try:
            return await self._forward(asgi, scope, receive, send)
        finally:
            lock.release()

    async def _talk(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one websocket, which the proxy passes through unread."""
        call, asgi = self._lines.take(scope), self._servable.asgi
        if call is None or asgi is None:
            await _say(send, 400, STRANGER, kind=_DENIAL)
        elif self.draining or self.in_flight >= self.ceiling:
            await _say(send, 503, "this replica takes no websockets now", REFUSED, kind=_DENIAL)
        else:
            scope["root_path"] = call.root_path
            self.in_flight += 1
            try:
                await asgi(scope, receive, send)
            finally:
                self.in_flight -= 1

    async def _forward(self, response: ASGIApp, scope: Scope, receive: Receive, send: Send) -> bool:
        """Let a response or application of the user's answer; False when it broke off half-way."""
        watched = _Watched(send)
        try:
            await response(scope, receive, watched)
        except BaseException as error:  # a user's stream may raise anything
            if not watched.started:
                raise
            # Half an answer must not look like a whole one: uvicorn cuts the connection when the app just returns.
            if not isinstance(error, asyncio.CancelledError) and not _client_left(error, scope):
                self._log(error, scope, "" if watched.ended else " in the middle of its answer")
            elif isinstance(error, asyncio.CancelledError) and not self.expired:
                raise
            return False
        return True

    def _log(self, error: BaseException, scope: Scope, when: str = "") -> str:
        """Write down what went wrong, and where; gives the request's id."""
        self._metrics.last_error = error_text(error)
        request_id = _request_id(scope)
        trace = (type(error), error, users_part(error.__traceback__))
        where = f"{_line(scope)} to {self._name}"
        logger.error("request %s, %s, failed%s", request_id, where, when, exc_info=trace)
        return request_id

    async def _fail(self, error: BaseException, scope: Scope, send: Send) -> None:
        request_id = self._log(error, scope)
        text = f"{error_text(error)}\n(request {request_id}; the traceback is in the replica's log)"
        if self._debug:
            text = traceback_text(error)
        await _say(send, 500, text, (REQUEST_ID, request_id.encode()))


class _Watched:
    """`send` that knows whether an answer has begun, and whether all of it has been sent."""

    __slots__ = ("_send", "ended", "started")

    def __init__(self, send: Send) -> None:
        self._send = send
        self.started = self.ended = False

    async def __call__(self, message: Message) -> None:
        self.started = True
        await self._send(message)
        self.ended = message["type"] == "http.response.body" and not message.get("more_body", False)


async def _read_body(request: HTTPRequest) -> None:
    for name, value in request.scope["headers"]:
        if name == b"content-length":
            length = int(value)
            break
        if name == b"transfer-encoding":
            await request.read(None)
            return
    else:
        length = 0
    if length:
        await request.read(length)
    else:
        request._body = b""


def _strip_prefix(scope: Scope) -> None:
    path, root = scope["path"], scope["root_path"]
    if path == root or path.startswith(root + "/"):
        scope[WHOLE_PATH], scope["path"] = path, path[len(root) :]


async def _say(send: Send, status: int, text: str, *headers: tuple[bytes, bytes], kind: str = "http.response") -> None:
    """Answer with a text; `kind` is another one for a websocket that is refused."""
    body = text.encode("utf-8", "replace")
    head = [PLAIN_TEXT, (b"content-length", b"%d" % len(body)), *headers]
    await send({"type": f"{kind}.start", "status": status, "headers": head})
    await send({"type": f"{kind}.body", "body": body})


def _is_cancelled(scope: Scope) -> bool:
    """Whether the server cancelled the request; otherwise user code itself raised CancelledError."""
    connection = scope.get(SCOPE_KEY)
    return connection is None or connection.lost


def _client_left(error: BaseException, scope: Scope) -> bool:
    """Whether the error only says that nobody waits for the answer any more."""
    if isinstance(error, ConnectionResetError):
        return SCOPE_KEY in scope and bool(scope[SCOPE_KEY].lost)
    return isinstance(error, ClientDisconnect)


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == REQUEST_ID:
            return str(value.decode("latin-1"))
    return uuid.uuid4().hex


def _line(scope: Scope) -> str:
    """The request in one log line: a path may hold line ends, so it is shown escaped."""
    return f"{scope['method']} {scope.get(WHOLE_PATH, scope['path'])!r}"
