"""One HTTP/1.1 connection from a proxy to a replica.

The life of a connection, which decides whether it may carry another request:

    idle -> busy (request written) -> head known -> complete -> idle again, or closed

It goes back to idle only when request and answer are complete, not a byte too much has come and nobody said "close";
everything else closes it. Nothing is ever sent twice here; what may be tried elsewhere `legacy.ingress.relay` decides.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import chain
from typing import Any

import httptools

from legacy.errors import UpstreamError, UpstreamTimeoutError
from legacy.http.head import Header
from legacy.ingress.answer_buffer import CHUNK_COST, AnswerBuffer

MAX_HEAD_BYTES = 64 * 1024
MAX_HEADERS = 256
MAX_INTERIM = 8
NEVER = float("inf")

_TOO_LONG = "The head of the replica's answer is too long."


class ConnectionGoneError(Exception):
    """The replica closed the connection before its answer was complete."""


class _Broken(Exception):  # noqa: N818 - only travels through the parser
    """The answer broke a rule; the text says which."""


class Upstream(asyncio.Protocol):
    """A connection to one replica; carries one request at a time.

    Attributes:
        tag: the replica's tag, which is also its incarnation.
        status, headers: of the final response, once `head_known`.
        complete: the whole answer has arrived.
        answered: at least one byte of an answer has arrived.
        buffer: what has arrived of the answer's body and was not taken.
        on_complete: called when the whole answer has arrived; set and taken away by whoever passes the answer on.
        deadline: loop time by which the head must be known; the pool looks once a second.
        idle_since: loop time of the last use.

    Args:
        upgrade: the one request on this connection asks for another protocol, so 101 is a fine answer.
    """

    def __init__(self, tag: str, loop: asyncio.AbstractEventLoop, upgrade: bool = False) -> None:
        self.tag = tag
        self._behind = b""  # what came after an answer 101, already in the new protocol
        self._upgrade = upgrade
        self._loop = loop
        self._transport: asyncio.Transport = None  # type: ignore[assignment] # until connection_made
        self._parser: Any = None  # it knows us, and not every connection is made
        self.buffer = AnswerBuffer()
        self.on_complete: Callable[[], None] | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._writable: asyncio.Future[None] | None = None
        self._write_paused = self._read_paused = False
        self._error: Exception | None = None
        self.closed = self.reusable = self.busy = False
        self.idle_since = 0.0
        self._reset()

    def _reset(self) -> None:
        self.status = self._interim = self._head_bytes = 0
        self.headers: list[Header] = []
        self.head_known = self.complete = self.answered = self._is_head = False
        self.deadline = NEVER
        if self.buffer.size:
            self.buffer = AnswerBuffer()

    # what the relay does

    def request(self, data: bytes, is_head: bool, deadline: float) -> asyncio.Future[None]:
        """Send a request, or the beginning of one, and return what to await until the response's head is known.

        Args:
            data: the head and as much of the body as there is.
            is_head: the answer to HEAD has no body whatever its head says.
            deadline: loop time by which the answer must have begun.
        """
        self._reset()
        self.busy = True
        self.reusable = False
        self._is_head = is_head
        self.deadline = deadline
        self._waiter = waiter = self._loop.create_future()
        if self._error is not None or self.closed:
            self._fail(self._error or ConnectionGoneError())
        else:
            self._transport.write(data)
        return waiter

    async def write(self, data: bytes) -> None:
        """Send more of the request's body; waits while the replica does not read.

        Raises:
            ConnectionGoneError: nothing can be sent any more (the answer may have arrived all the same).
        """
        if self.closed:
            raise ConnectionGoneError
        self._transport.write(data)
        if self._write_paused:
            self._writable = self._loop.create_future()
            await self._writable

    def take(self) -> bytes:
        """The next piece of what has arrived of the body; empty when there is none.

        Raises:
            ConnectionGoneError, UpstreamError: the answer will not be complete.
        """
        data = self.buffer.take()
        if not self.complete and not data and self._error is not None:
            raise _again(self._error)
        if self._read_paused and self.buffer.is_low():
            self._read_paused = False
            self._transport.resume_reading()
        return data

    async def more(self) -> None:
        """Wait until there is something to `take` or the answer is complete.

        Raises:
            ConnectionGoneError, UpstreamError: the answer will not be complete.
        """
        if self.buffer.size or self.complete:
            return
        if self._error is not None:
            raise _again(self._error)
        self._waiter = self._loop.create_future()
        await self._waiter

    def hand_over(self) -> tuple[asyncio.Transport, bytes]:
        """After an answer 101: the connection, for who takes it over at once, and the bytes behind the answer."""
        self._parser = None  # it knows us
        return self._transport, self._behind

    def finish(self) -> bool:
        """The answer has been taken: True when the connection may carry another request, else it is closed."""
        self.busy = False
        self.deadline = NEVER
        self.idle_since = self._loop.time()
        if self.complete and self.reusable and not self.closed and self._error is None:
            return True
        self.abort()
        return False

    def abort(self) -> None:
        """Close at once; for the replica this is the sign to cancel what it does for us."""
        self.closed = True
        if self._transport is not None:
            self._transport.abort()

    def time_out(self) -> None:
        """The deadline has passed: whoever waits for the head is told so."""
        self.deadline = NEVER
        self._fail(UpstreamTimeoutError("The replica did not begin to answer in time."))
        self.abort()

    # what asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]
        self._parser = httptools.HttpResponseParser(self)

    def data_received(self, data: bytes) -> None:
        if self.status == 101:
            self._behind += data
            return
        if not self.busy or self.complete:
            self._break("The replica sent bytes nobody asked for.")
            return
        self.answered = True
        if not self.head_known:
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            if self.status == 101:
                self._behind = data[error.args[0] :]
                self._wake()
                return
            if not self.complete:
                cause = error.__context__
                self._break(str(cause) if isinstance(cause, _Broken) else f"The replica's answer is not HTTP: {error}")
                return
            self.abort()  # the answer is whole; what follows it is nobody's
        if not self.head_known:
            if self._head_bytes > MAX_HEAD_BYTES:
                self._break(_TOO_LONG)
            return
        if not self._read_paused and not self.complete and self.buffer.is_full():
            self._read_paused = True
            self._transport.pause_reading()
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        self._parser = None  # it knows us
        self._fail(ConnectionGoneError())
        self.resume_writing()

    def pause_writing(self) -> None:
        self._write_paused = True

    def resume_writing(self) -> None:
        self._write_paused = False
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)

    # what the parser calls

    def on_message_begin(self) -> None:
        if self.head_known:
            raise _Broken("The replica sent more than one answer.")

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.head_known:
            return  # a trailer: never merged into the headers
        if len(self.headers) >= MAX_HEADERS:
            raise _Broken("The replica's answer has too many headers.")
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if self._head_bytes > MAX_HEAD_BYTES and sum(map(len, chain(*self.headers))) > MAX_HEAD_BYTES:
            raise _Broken(_TOO_LONG)
        if status >= 200:
            self.status = status
            self.head_known = True
            self.deadline = NEVER
            if self._is_head:
                # the parser would wait for the body the head announces
                self.complete = True
                self.reusable = self._parser.should_keep_alive()
            return
        if status == 101:
            if not self._upgrade:
                raise _Broken("The replica switched protocols without being asked.")
            self.status = status
            self.head_known = self.complete = True
            return
        self._interim += 1
        if self._interim > MAX_INTERIM:
            raise _Broken("The replica sent too many interim answers.")

    def on_body(self, data: bytes) -> None:
        if self.complete:
            raise _Broken("The replica sent a body where there must be none.")
        buffer = self.buffer
        buffer.chunks.append(data)
        buffer.size += len(data) + CHUNK_COST

    def on_message_complete(self) -> None:
        if not self.head_known:
            self.headers = []  # of an interim answer
            return
        if not self.complete:
            self.complete = True
            self.reusable = self._parser.should_keep_alive()

    # own

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None:
            self._waiter = None
            if not waiter.done():
                waiter.set_result(None)
        if self.complete and self._is_head:
            self._parser = httptools.HttpResponseParser(self)
        elif self.complete and self.on_complete is not None:
            self.on_complete()

    def _break(self, text: str) -> None:
        self.reusable = False
        self._fail(UpstreamError(text))
        self.abort()

    def _fail(self, error: Exception) -> None:
        self._error = self._error or error
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_exception(_again(self._error))


def _again(error: Exception) -> Exception:
    """The same error without the traceback of an earlier raise, whose frames know the connection that keeps it."""
    return type(error)(*error.args)
