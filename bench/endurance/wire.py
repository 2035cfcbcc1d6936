"""Requests at a fixed rate over pooled connections: what waits for an answer does not slow the sender down."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

HOST, PORT = "127.0.0.1", 8000
PATIENCE_S = 60.0


@dataclass(frozen=True)
class Answer:
    """One answer: how long it took and what it said; status 0 is a connection that broke or never answered."""

    status: int
    seconds: float
    retry_after: bool = False
    text: str = ""
    sent: float = 0.0


class Sender:
    """Keep-alive connections to one path, for requests with the same body, which never try again. One event loop.

    Args:
        body: of every request.
    """

    def __init__(self, path: str, body: bytes = b"") -> None:
        self._path = path
        self._body = body
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def send(self, query: str = "") -> Answer:
        """One request and its whole answer."""
        sent = time.monotonic()
        try:
            status, head, text = await asyncio.wait_for(self._exchange(query), PATIENCE_S)
        except (OSError, EOFError, asyncio.TimeoutError) as error:
            return Answer(0, time.monotonic() - sent, text=repr(error), sent=sent)
        return Answer(status, time.monotonic() - sent, b"retry-after:" in head, text, sent)

    async def _exchange(self, query: str) -> tuple[int, bytes, str]:
        reader, writer = self._idle.pop() if self._idle else await asyncio.open_connection(HOST, PORT)
        kept = False
        try:
            head = f"POST {self._path}{query} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(self._body)}\r\n\r\n"
            writer.write(head.encode() + self._body)
            answer = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = int(answer.split(b"content-length:")[1].split(b"\r\n")[0])
            text = (await reader.readexactly(length)).decode()
            kept = b"connection: close" not in answer
        finally:
            if kept:
                self._idle.append((reader, writer))
            else:
                writer.close()
        return int(answer.split()[1]), answer, text

    async def at_rate(self, rate: float, seconds: float, name: str = "") -> list[Answer]:
        """Send `rate` requests per second for that long, however slow the answers are.

        Args:
            name: the requests carry the query ?id=<name>-<number>; "" for no query.
        """
        loop = asyncio.get_running_loop()
        begun, tasks = loop.time(), []
        for number in range(int(rate * seconds)):
            await asyncio.sleep(max(0.0, begun + number / rate - loop.time()))
            tasks.append(asyncio.ensure_future(self.send(f"?id={name}-{number}" if name else "")))
        return list(await asyncio.gather(*tasks))

    def close(self) -> None:
        """Close all connections."""
        for _, writer in self._idle:
            writer.close()
