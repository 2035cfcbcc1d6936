"""The receiving half of a cycle: a request's body on its way to the application, and the ASGI `receive`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from uvicorn.protocols.http.flow_control import FlowControl

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_CRUMB = 512  # bytes; shorter pieces of a body are joined
_JOINED = 4096  # to pieces of up to here


class Server(Protocol):
    """What a cycle needs of its connection (`legacy.http.protocol.CancellingProtocol`)."""

    transport: asyncio.Transport
    loop: asyncio.AbstractEventLoop
    flow: FlowControl
    cycle: Any
    tasks: set[Any]

    @property
    def arriving(self) -> Held | None:
        """Where the head of the request is counted, if it is."""

    def default_head(self) -> bytes:
        """The header lines every response begins with."""

    def on_part_read(self) -> None:
        """The application has been given all that has come of a body; more follows."""

    def on_response_complete(self) -> None:
        """The response of the running request is written."""


class Held(Protocol):
    """The count of what a request holds (`legacy.ingress.budget.Arrived`)."""

    def read(self) -> None:
        """What has come of the body has been given to the application."""

    def close(self) -> None:
        """Nothing is held any more."""


class Receiving:
    """What has come of one request's body and nobody has asked for yet.

    Args:
        protocol: the connection.
        expects: the client waits for "100 Continue".

    Attributes:
        more_body: the end of the request's body has not arrived yet.
        response_complete: the whole response has been written.
        disconnected: nothing can be sent any more.
        held: where what it holds is counted, if it is.
        waiting_for_100_continue: the client will not send its body before it is asked to.
    """

    __slots__ = (
        "_delivered",
        "_error",
        "_pieces",
        "_protocol",
        "_size",
        "_waiter",
        "disconnected",
        "held",
        "more_body",
        "response_complete",
        "waiting_for_100_continue",
    )

    def __init__(self, protocol: Server, expects: bool) -> None:
        self.waiting_for_100_continue = expects
        self.more_body = True
        self.response_complete = False
        self.disconnected = False
        self.held = protocol.arriving
        self._protocol = protocol
        self._error: Callable[[], Exception] | None = None
        self._pieces: list[bytes] = []
        self._size = 0
        self._delivered = False  # the application has been given the last piece of the body
        self._waiter: asyncio.Future[None] | None = None

    # what the connection tells

    def feed(self, data: bytes) -> int:
        """A piece of the body has arrived; the number of bytes held for the application is returned."""
        if self._error is not None:
            return 0
        pieces = self._pieces
        if pieces and len(data) < _CRUMB and len(pieces[-1]) < _JOINED:
            pieces[-1] += data  # a piece for each two bytes would take 30 times as much
        else:
            pieces.append(data)
        self._size += len(data)
        if self._waiter is not None:
            self._wake()
        return self._size

    def end_body(self) -> None:
        """The body is complete."""
        self.more_body = False
        if self._waiter is not None:
            self._wake()

    def fail(self, error: Callable[[], Exception]) -> None:
        """The body cannot be kept: what has come of it is dropped, and the application is told when it asks."""
        self._error = error
        self._drop()
        self._wake()

    def disconnect(self) -> None:
        """The client is gone, or will not be answered."""
        self.disconnected = True
        self._drop()
        self._wake()

    # ASGI

    async def receive(self) -> dict[str, Any]:
        """The next piece of the body, or the disconnect (ASGI).

        Raises:
            Exception: what `fail` was given.
        """
        protocol = self._protocol
        if self.waiting_for_100_continue:
            self.waiting_for_100_continue = False
            if not protocol.transport.is_closing():
                protocol.transport.write(CONTINUE)
        while not (self._pieces or self._has_news() or self.disconnected or self.response_complete or self._error):
            if protocol.cycle is self:  # else newer requests wait already; reading more of them would have no end
                protocol.flow.resume_reading()
            waiter, other = protocol.loop.create_future(), self._waiter
            if other is not None:  # the application asks from two tasks: each has to hear of it
                waiter.add_done_callback(partial(_pass_on, other))
            self._waiter = waiter
            await waiter
        if self.disconnected or self.response_complete:
            return {"type": "http.disconnect"}
        if self._error is not None:
            raise self._error()
        pieces = self._pieces
        body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        self._pieces = []
        self._size = 0
        if self.held is not None:
            self.held.read()
        if self.more_body:
            protocol.on_part_read()
        else:
            self._delivered = True
        return {"type": "http.request", "body": body, "more_body": self.more_body}

    # own

    def _drop(self) -> None:
        """Nobody will ask for what has come of the body any more."""
        self._pieces = []
        self._size = 0
        held, self.held = self.held, None
        if held is not None:
            held.close()

    def _has_news(self) -> bool:
        return not self.more_body and not self._delivered

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)


def _pass_on(other: asyncio.Future[None], waiter: asyncio.Future[None]) -> None:
    if not other.done():
        other.set_result(None)
