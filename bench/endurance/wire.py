"""Requests at a fixed rate over pooled connections: what waits for an answer does not slow the sender down."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

HOST, PORT = "127.0.0.1", 8000


@dataclass(frozen=True)
class Answer:
    """One answer: when it was asked for, how long it took, what it said."""

    status: int
    seconds: float
    retry_after: bool = False


class Sender:
    """Keep-alive connections to one path, for requests with the same body. One event loop."""

    def __init__(self, path: str, body: bytes = b"") -> None:
        self._request = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def send(self) -> Answer:
        """One request and its whole answer."""
        begun = time.perf_counter()
        reader, writer = self._idle.pop() if self._idle else await asyncio.open_connection(HOST, PORT)
        writer.write(self._request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
        if b"connection: close" in head:
            writer.close()
        else:
            self._idle.append((reader, writer))
        return Answer(int(head.split()[1]), time.perf_counter() - begun, b"retry-after:" in head)

    async def at_rate(self, rate: float, seconds: float) -> list[Answer]:
        """Send `rate` requests per second for that long, however slow the answers are."""
        loop = asyncio.get_running_loop()
        begun, tasks = loop.time(), []
        for number in range(int(rate * seconds)):
            await asyncio.sleep(max(0.0, begun + number / rate - loop.time()))
            tasks.append(asyncio.ensure_future(self.send()))
        return list(await asyncio.gather(*tasks))

    def close(self) -> None:
        """Close all connections."""
        for _, writer in self._idle:
            writer.close()
