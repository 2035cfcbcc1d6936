"""A replica that follows a script: what to send, byte for byte, and when to die."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from legacy.records import BackendView, ReplicaAddress, Update
from tests.http.stage import NODE, Stage

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"


class Scripted:
    """Replaces the replicas of backend b by one server that plays the script on each connection."""

    def __init__(self, script: Script) -> None:
        self.connections = 0
        self.requests: list[bytes] = []
        self._script = script
        self._server: asyncio.AbstractServer | None = None

    async def take_over(self, made: Stage, tag: str = "b#s") -> None:
        """From now on the backend's requests come here."""
        old = made.router.slots("b").take()
        assert old is not None
        made.router.slots("b").give_back(old.tag)
        path = f"{old.unix_path}.scripted"
        self._server = await asyncio.start_unix_server(self._play, path)
        view = BackendView("b", 100, (ReplicaAddress(tag, "b", NODE, 1, path),))
        made.version += 1
        made.router.apply(Update("epoch", made.version, False, {}, {"b": view}))
        made.servers[tag] = self._server

    async def read_request(self, reader: asyncio.StreamReader) -> bytes:
        """The next request's head, and its body if it has a Content-Length."""
        head = await reader.readuntil(b"\r\n\r\n")
        self.requests.append(head)
        if b"content-length: " in head:
            await reader.readexactly(int(head.split(b"content-length: ")[1].split(b"\r\n")[0]))
        return head

    async def _play(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.closing(writer), contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            await self._script(reader, writer)
