"""A listening socket that answers every connection, however few descriptors are left: none is just cut.

Without a descriptor the loop can accept a connection only to close it. So the last few are kept for those who are told
to come back; while too many of these are still there, the next ones wait in the kernel's queue.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from typing import Any

from legacy.endless import go_on
from legacy.http.admission import Turned, has_room, limit, spare
from legacy.seldom import Seldom

LOOK_S = 0.05  # between two looks whether connections can be accepted again


class Listener:
    """Accepts connections. One event loop.

    Args:
        sock: bound, or listening; closed with the listener.
        protocol: makes what serves a connection.
        refusal: what those are told who are turned away.
        refuse_asked: only when they have asked for something.
        owed: how many descriptors a connection that comes now, and those before it, may still need.
        further: arguments of `loop.create_server`.
    """

    def __init__(
        self,
        sock: socket.socket,
        protocol: Callable[[], asyncio.Protocol],
        refusal: bytes,
        refuse_asked: bool = False,
        owed: Callable[[], int] = lambda: 0,
        **further: Any,
    ) -> None:
        self._sock = sock
        self._protocol = protocol
        self._turned: Callable[[], Turned] = lambda: Turned(refusal, refuse_asked, self._leaving)
        self._owed = owed
        self._further = further
        self._leaving: set[Turned] = set()
        self._server: asyncio.AbstractServer | None = None
        self._looking: asyncio.Task[None] | None = None
        self._seldom = Seldom()

    async def open(self) -> None:
        """Accept connections from now on."""
        # Accepting ends with the server; the socket goes on to listen, since this is another descriptor of it.
        sock = self._sock.dup()
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Door(self, self._protocol()), sock=sock, **self._further)

    def close(self) -> None:
        """Accept no more; connections stay as they are, but for those who are turned away."""
        if self._looking is not None:
            self._looking.cancel()
        if self._server is not None:
            self._server.close()
        self._sock.close()
        for turned in list(self._leaving):
            turned.end()

    def judge(self, transport: Any, protocol: asyncio.Protocol) -> asyncio.Protocol:
        """The protocol for a connection that has just been made: its own, or one that says goodbye."""
        most = limit()
        if has_room(transport.get_extra_info("socket").fileno(), self._owed(), most):
            return protocol
        self._seldom.warn("descriptors", f"no descriptors are left of {most}: connections are turned away")
        turned = self._turned()
        if self._is_full(most) and self._server is not None:
            self._server.close()
            self._server = None
            self._looking = asyncio.ensure_future(go_on("a full port's look for room", self._open_again, LOOK_S))
        return turned

    def _is_full(self, most: int) -> bool:
        return len(self._leaving) >= max(1, spare(most) // 2)

    async def _open_again(self) -> None:
        while self._server is None:
            await asyncio.sleep(LOOK_S)
            for turned in list(self._leaving):
                turned.hurry()
            if not self._is_full(limit()):
                with contextlib.suppress(OSError):  # not even one is left for this
                    await self.open()


class _Door(asyncio.Protocol):
    """Stands for a protocol until the connection is made, since only then its descriptor is known."""

    def __init__(self, listener: Listener, protocol: asyncio.Protocol) -> None:
        self._listener = listener
        self._protocol = protocol

    def connection_made(self, transport: Any) -> None:
        chosen = self._listener.judge(transport, self._protocol)
        transport.set_protocol(chosen)
        chosen.connection_made(transport)
