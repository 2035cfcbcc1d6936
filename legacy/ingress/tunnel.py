"""Websockets: after the replica has agreed to switch protocols, bytes pass both ways and nobody here reads them.

The handshake is a request like any other (judged, routed, given a slot, tried elsewhere when its replica is gone);
only its connection to the replica is new and never used again. What a replica answers instead of 101 is an ordinary
answer.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import MutableMapping, Sequence
from typing import Any

from legacy.http.cycle import Cycle
from legacy.http.head import Header
from legacy.http.protocol import CancellingProtocol
from legacy.http.receiving import Server

SCOPE_KEY = "serve.tunnel"
"""Where the scope of a websocket carries its `Tunnel`."""

GOODBYE_S = 2.0  # how long a client may take to read the end and to close
EARLY_BYTES = 64 * 1024  # what a client may send before the handshake is done


class UpgradeCycle(Cycle):
    """A websocket handshake. Middlewares see the messages of an ASGI websocket, of which they may send the close."""

    __slots__ = ()

    def __init__(self, protocol: Server, scope: MutableMapping[str, Any]) -> None:
        super().__init__(protocol, scope, False, False)

    async def receive(self) -> dict[str, Any]:
        """The first message of a websocket (ASGI)."""
        return {"type": "websocket.connect"}

    async def send(self, message: MutableMapping[str, Any]) -> None:
        """Refuse the handshake with 403, or send an ordinary response (ASGI)."""
        if message["type"] != "websocket.close":
            await super().send(message)
            return
        headers = [(b"content-length", b"0")]
        await super().send({"type": "http.response.start", "status": 403, "headers": headers})
        await super().send({"type": "http.response.body"})


class Tunnel:
    """The client's side of a websocket to be.

    Args:
        cycle: the handshake.
        protocol: of the client's connection until then.
    """

    def __init__(self, cycle: Cycle, protocol: CancellingProtocol) -> None:
        self.cycle = cycle
        self._protocol = protocol
        self._early = bytearray()

    def feed(self, data: bytes) -> None:
        """Bytes that came before the handshake was done; too many end the connection."""
        self._early += data
        if len(self._early) > EARLY_BYTES:
            self._protocol.transport.abort()

    async def join(self, upstream: asyncio.Transport, first: bytes, headers: Sequence[Header]) -> None:
        """Tell the client that the replica agreed, and carry bytes until one of them ends the connection.

        Args:
            upstream: the replica's side; its answer 101 has been read.
            first: bytes that came right behind it.
            headers: of that answer, without the hop-by-hop ones.
        """
        client = self._protocol.transport
        self.cycle.disconnect()  # nothing more is said in HTTP
        lines = b"".join(b"%b: %b\r\n" % header for header in headers)
        if not client.is_closing():
            client.write(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n" + lines)
            client.write(b"\r\n" + first)
        if self._early and not upstream.is_closing():
            upstream.write(bytes(self._early))
        ended = asyncio.get_running_loop().create_future()
        near, far = Pipe(client, upstream, ended), Pipe(upstream, client, ended)
        client.set_protocol(near)
        upstream.set_protocol(far)
        connections: set[Any] = self._protocol.connections
        connections.discard(self._protocol)
        connections.add(near)
        self._protocol.let_go()
        try:
            await ended
            if not client.is_closing():
                await near.say_goodbye()
        finally:
            connections.discard(near)
            client.close()
            upstream.close()


class Pipe(asyncio.Protocol):
    """One side of a tunnel: what arrives here is written there.

    Args:
        transport: of this side.
        peer: where bytes go.
        ended: done as soon as either side has closed its connection.
    """

    def __init__(self, transport: asyncio.Transport, peer: asyncio.Transport, ended: asyncio.Future[None]) -> None:
        self.transport = transport
        self._peer = peer
        self._ended = ended
        self._gone: asyncio.Future[None] | None = None  # somebody waits for the end of this side

    async def say_goodbye(self) -> None:
        """The other side has ended. Let its last words arrive: closing with unread bytes here would destroy them."""
        self._gone = asyncio.get_running_loop().create_future()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.transport.resume_reading()
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._gone, GOODBYE_S)

    def data_received(self, data: bytes) -> None:
        if not self._peer.is_closing():  # it has just ended, and this side will in a moment
            self._peer.write(data)

    def pause_writing(self) -> None:
        if not self._peer.is_closing():
            self._peer.pause_reading()

    def resume_writing(self) -> None:
        if not self._peer.is_closing():
            self._peer.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        for waiting in (self._ended, self._gone):
            if waiting is not None and not waiting.done():
                waiting.set_result(None)

    def shutdown(self) -> None:
        """The server stops: a websocket has no end of its own, so it is closed now."""
        self.transport.close()
