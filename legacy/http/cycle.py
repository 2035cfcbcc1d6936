"""One request and its response on a server connection: the ASGI `receive`, which is inherited, and `send`.

The same contract as uvicorn's RequestResponseCycle, with three differences that pay: head and body of a response leave
in one write, a body that is already there is received without waiting, and no asyncio.Event is made per request.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Iterable, MutableMapping
from typing import TYPE_CHECKING, Any

from legacy.http.head import Framing, Header, write_head
from legacy.http.receiving import CONTINUE, Receiving, Server
from legacy.logs import logger

if TYPE_CHECKING:
    from uvicorn._types import ASGI3Application

BODY_FOLLOWS = "serve.body_follows"
"""In a response's start message: the body is sent in the same step, so nothing has to see to the head alone."""

_MOST_ZEROS = 7  # clients that count the digits of a chunk's size take 15 of them
_JOINED = 4096  # up to here copying a piece of a body behind its head is cheaper than a second buffer


class Cycle(Receiving):
    """Runs the application for one request.

    Args:
        protocol: the connection.
        scope: of the request.
        keep_alive: whether the connection may stay open after the response.
        expects: the client waits for "100 Continue".

    Attributes:
        response_started: the application has given the head of the response.
    """

    __slots__ = (
        "_framing",
        "_head",
        "_left",
        "_zeros",
        "keep_alive",
        "response_started",
        "scope",
    )

    def __init__(self, protocol: Server, scope: MutableMapping[str, Any], keep_alive: bool, expects: bool) -> None:
        Receiving.__init__(self, protocol, expects)  # super() would cost each request as much as all that it does
        self.scope = scope
        self.keep_alive = keep_alive
        self.response_started = False
        self._head: bytes | None = None  # written together with the first piece of the body
        self._framing = Framing.NONE
        self._left = 0  # bytes of the declared length not sent yet
        self._zeros = 0  # written ahead of the next chunk's size

    def probe(self) -> None:
        """Write something that means nothing in HTTP: a client that is gone answers it with a reset.

        Before the answer that is a "100 Continue", which every client of HTTP/1.1 must be able to skip, and within a
        chunked one a leading zero of the next chunk's size. Elsewhere nothing like it exists.
        """
        if self.disconnected or self.response_complete:
            return
        if not self.response_started:
            if self.scope["http_version"] == "1.1":
                self._protocol.transport.write(CONTINUE)
        elif self._head is None and self._framing is Framing.CHUNKED and self._zeros < _MOST_ZEROS:
            self._zeros += 1
            self._protocol.transport.write(b"0")

    # ASGI

    async def run(self, app: ASGI3Application) -> None:
        """Run the application and make sure that the response is complete or visibly is not."""
        try:
            if self.disconnected:
                return  # the client left before its turn came
            try:
                await app(self.scope, self.receive, self.send)  # type: ignore[arg-type]
            except asyncio.CancelledError:
                if self.disconnected:
                    return  # cancelled because nobody waits for it any more
                self._give_up()
                raise
            except BaseException as error:  # an application may raise anything; nothing must stay half answered
                if not self.disconnected:
                    logger.error("Exception in ASGI application", exc_info=error)
            if not self.response_complete:
                await self._finish()
        finally:
            self._protocol.tasks.discard(asyncio.current_task(self._protocol.loop))

    async def send(self, message: MutableMapping[str, Any]) -> None:
        """Send a part of the response (ASGI).

        Raises:
            OSError: the client is gone.
            RuntimeError: the application breaks the protocol; the response is not completed then.
        """
        flow = self._protocol.flow
        if flow.write_paused and not self.disconnected:
            await flow.drain()
        if self.disconnected:
            raise ConnectionResetError("the client is gone")
        kind = message["type"]
        if kind == "http.response.body" and self.response_started and not self.response_complete:
            self._send_body(message.get("body", b""), message.get("more_body", False))
        elif kind == "http.response.start" and not self.response_started:
            self._start(message["status"], message.get("headers", ()))
            if BODY_FOLLOWS not in message:
                # Written with the first piece of the body, which most often comes now; if not, right after this step.
                self._protocol.loop.call_soon(self._flush_head)
        else:
            raise RuntimeError(f"the ASGI message {kind!r} is out of order")

    # own

    def _start(self, status: int, headers: Iterable[Header]) -> None:
        protocol, scope = self._protocol, self.scope
        if self.waiting_for_100_continue and self.more_body:
            self.keep_alive = False  # it was never asked for its body, and may send it or not
        request = (scope["method"], scope["http_version"], self.keep_alive)
        head = write_head(status, protocol.default_head(), headers, request)
        self._head, self._framing, self._left, self.keep_alive = head
        self.response_started = True
        self.waiting_for_100_continue = False

    def _flush_head(self) -> None:
        head, self._head = self._head, None
        if head is not None and not self.disconnected:
            self._protocol.transport.write(head)

    def _send_body(self, body: bytes, more: bool) -> None:
        framing = self._framing
        if framing is Framing.LENGTH:
            self._left -= len(body)
            if self._left < 0 or (self._left and not more):
                self._flush_head()
                raise RuntimeError("the response's body is not as long as its Content-Length says")
            data = body
        elif framing is Framing.CHUNKED:
            data = b""
            if body:
                data = b"%x\r\n%b\r\n" % (len(body), body)
                self._zeros = 0
            if not more:
                data += b"0\r\n\r\n"
        else:
            data = body if framing is Framing.CLOSE else b""
        transport = self._protocol.transport
        head, self._head = self._head, None
        if head is not None:
            if len(data) <= _JOINED:
                transport.write(head + data)
            else:
                transport.writelines((head, data))
        elif data:
            transport.write(data)
        if not more:
            self.response_complete = True
            if self._size or self.held is not None:
                self._drop()
            if self._waiter is not None:
                self._wake()
            if not self.keep_alive:
                transport.close()
            self._protocol.on_response_complete()

    async def _finish(self) -> None:
        if self.disconnected:
            return
        if self.response_started:
            self._give_up()
            return
        text = b"Internal Server Error"
        headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(text))]
        self.keep_alive = False
        await self.send({"type": "http.response.start", "status": 500, "headers": headers})
        await self.send({"type": "http.response.body", "body": text})

    def _give_up(self) -> None:
        """Half a response must not look like a whole one."""
        if self.response_complete or self.disconnected:
            return
        if self.response_started:
            logger.error("a response was not completed")
        if self._framing is Framing.CLOSE:
            reset(self._protocol.transport)
        else:
            self._flush_head()
            self._protocol.transport.close()


def reset(transport: asyncio.Transport) -> None:
    """Cut a connection so that the peer sees an error: an orderly end would look like the end of the body."""
    sock = transport.get_extra_info("socket")
    if sock is not None and sock.family != socket.AF_UNIX:
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
