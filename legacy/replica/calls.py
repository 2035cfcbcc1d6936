"""Handle calls: what the handler gets for one, how many run at the same time, and the way to the user loop."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from types import AsyncGeneratorType, GeneratorType
from typing import Any

from starlette.requests import Request

from legacy.http.contract import CALL_METHOD, SHARD_KEY
from legacy.replica import flask_request
from legacy.replica.call_context import WEB
from legacy.replica.faults import error_text
from legacy.replica.invoke import Handler, Servable
from legacy.replica.keywords import NoRequest
from legacy.replica.messages import CALL, ServeRequest
from legacy.replica.metrics import ReplicaMetrics
from legacy.replica.portable_errors import portable
from legacy.replica.user_loop import UserLoop

# a look at the type costs nothing beside a call; of anything else that cannot be sent, Ray says what it is
_READ_HERE_ONLY: frozenset[type] = frozenset((GeneratorType, AsyncGeneratorType, map, filter, zip))
Meta = tuple[str, str, str, dict[str, str] | None, str | None]
"""How a handle call was made: method name, style, HTTP method, HTTP headers, shard key.

The style "raw" passes the arguments as they are (deployments, and 1.4-1.7 with several positional arguments);
"serve_request" makes a `ServeRequest` of them; "keywords" passes them as Ray 0.8 did to a backend of that time, and
makes a request of them for any other.
"""

PLAIN: Meta = (CALL, "serve_request", "GET", None, None)
RAW: Meta = (CALL, "raw", "GET", None, None)
WITH_META = "handle_request"


def actor_method(meta: Meta) -> str:
    """The method of `ServeReplica` for a call made so.

    `WITH_META` takes the meta before the arguments. A call without options has a method of its own that does not, since
    Ray needs a quarter longer for a small call when it has an argument.
    """
    return "handle_plain" if meta == PLAIN else "handle_raw" if meta == RAW else WITH_META


def arguments(
    meta: Meta, handler: Handler, args: tuple[Any, ...], kwargs: dict[str, Any], flask: bool = False
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The positional and keyword arguments the handler is called with; `flask` for requests as in Ray 0.8-1.1."""
    name, style, http_method, http_headers, shard_key = meta
    if style == "raw":
        if handler.takes_one and not args and not kwargs:
            return (ServeRequest(),), {}  # the documents call `handle.remote()` for a handler that takes a request
        if handler.takes_nothing and len(args) == 1 and not kwargs and isinstance(args[0], Request):
            return (), {}  # as for HTTP, whoever passed the request on (Ray 1.13-2.6)
        return args, kwargs
    if handler.takes_nothing:
        return (), {}
    if args and (isinstance(args[0], Request) or getattr(type(args[0]), "is_serve_request", False)):
        return args[:1], {}
    headers: dict[str, Any] = {**(http_headers or {}), CALL_METHOD: name or CALL, SHARD_KEY: shard_key}
    kind = flask_request.ServeRequest if flask else ServeRequest
    return (kind(args[0] if args else None, kwargs, headers, http_method or "GET"),), {}


def keyword_arguments(handler: Handler, kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """What the handler of a Ray 0.8 backend is called with: the parameter for the request gets one that is empty."""
    return ((NoRequest(),) if handler.needs_positional else ()), kwargs


class Gate:
    """Counts the handle calls of a replica and lets at most `ceiling` run; the others wait in order. One event loop.

    Attributes:
        running: calls that were let in and have not left.
    """

    def __init__(self, ceiling: int) -> None:
        self.running = 0
        self._ceiling = ceiling
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def waiting(self) -> int:
        """Calls that have arrived and may not run yet."""
        return sum(not future.done() for future in self._waiting)

    async def enter(self) -> None:
        """Wait for room. Call `leave` afterwards, unless this raised."""
        if self.running < self._ceiling and not self._waiting:
            self.running += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.leave()  # cancelled just after it was let in
            raise

    def leave(self) -> None:
        """A call is over: the next one may run."""
        self.running -= 1
        self._admit()

    def widen(self, ceiling: int) -> None:
        """Another limit from now on."""
        self._ceiling = ceiling
        self._admit()

    def _admit(self) -> None:
        while self._waiting and self.running < self._ceiling:
            turn = self._waiting.popleft()
            if not turn.done():
                self.running += 1
                turn.set_result(None)


class HandleCalls:
    """The way of handle calls from the actor's loop to user code.

    It is no part of the actor's class, because Ray wraps every method of an actor class for tracing.
    """

    def __init__(self, servable: Servable, metrics: ReplicaMetrics, gate: Gate, user: UserLoop) -> None:
        self._servable = servable
        self._metrics = metrics
        self._gate = gate
        self._user = user

    async def call(self, meta: Meta, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run one handle call and give its result; errors as `ServeReplica.handle_request`."""
        await self._gate.enter()
        try:
            return await self._user.run(self._answer, meta, args, kwargs)
        finally:
            self._gate.leave()

    async def _answer(self, meta: Meta, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        name = meta[0] or CALL
        began, failed = time.perf_counter(), True
        try:
            servable = self._servable
            handler = servable.find(name)
            if meta[1] == "keywords" and servable.takes_keywords:
                WEB.set(False)
                args, kwargs = keyword_arguments(handler, kwargs)
            else:
                args, kwargs = arguments(meta, handler, args, kwargs, servable.wants_flask)
            result = await servable.call(name, args, kwargs)
            if type(result) in _READ_HERE_ONLY:
                raise _not_sent(name, result)
            failed = False
            return result
        except Exception as error:  # user code may raise anything
            self._metrics.last_error = error_text(error)
            sent = portable(error)
            if sent is error:
                raise
            raise sent.with_traceback(error.__traceback__) from None
        finally:
            self._metrics.count(time.perf_counter() - began, failed)


def _not_sent(name: str, result: Any) -> TypeError:
    kind = type(result).__name__
    return TypeError(
        f"cannot pickle '{kind}' object: {name} returned it, and what it gives cannot be sent to a caller of handles "
        "one by one; return a list, or answer HTTP with it, where generators stream"
    )
