"""Clients that never finish a head or a body, or never read: all are closed in time, and others do not notice."""

from __future__ import annotations

import asyncio
import select
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

from starlette.responses import StreamingResponse

from bench.endurance.figures import MIB, Figure, at_most, open_files, p99
from bench.endurance.wire import HOST, PORT, Sender
from tests.fault.processes import listener

HEAD_S, BODY_S, READ_S = 10.0, 30.0, 61.0  # the proxy's bounds, see README
LATE_S = 3.0
FREED_S = 5.0
SPARE = 8  # Ray opens and closes some of its own meanwhile
FEW = 20  # of the slow clients one in so many has sent its head
CLOSED = select.POLLRDHUP | select.POLLHUP | select.POLLERR


class Quick:
    """Answers at once, or at a length that no socket holds."""

    async def __call__(self, request: Any = None) -> str:
        """The small answer."""
        return "quick"

    async def long(self, request: Any = None) -> StreamingResponse:
        """The long answer."""
        return StreamingResponse(self._chunks())

    async def _chunks(self) -> AsyncIterator[bytes]:
        for _ in range(64):
            yield bytes(MIB)


@dataclass
class Slow:
    """One kind of slow client.

    Attributes:
        within_s: when the proxy must have closed all of them.
        stayed: seconds until it closed each.
        answered: how many were sent a 408 before.
    """

    name: str
    data: bytes
    count: int
    within_s: float
    reads: bool = True
    stayed: list[float] | None = None
    answered: int = 0

    def hold(self) -> None:
        """Open the connections and wait until all are closed, or should have been long ago."""
        begun = time.monotonic()
        sockets = {}
        poll = select.poll()
        for _ in range(self.count):
            connection = socket.create_connection((HOST, PORT))
            connection.sendall(self.data)
            sockets[connection.fileno()] = connection
            poll.register(connection, CLOSED)
        stayed = []
        while sockets and time.monotonic() < begun + self.within_s + 5 * LATE_S:
            for descriptor, _ in poll.poll(1000):
                stayed.append(time.monotonic() - begun)
                poll.unregister(descriptor)
                with sockets.pop(descriptor) as connection:
                    self.answered += self.reads and b" 408 " in connection.recv(64)
        for connection in sockets.values():
            connection.close()
        self.stayed = stayed


def slow_clients(client: Any, count: int) -> Iterator[Figure]:
    """Figures of `count` half-open heads at once, and of fewer half bodies and clients that do not read."""
    client.create_backend("quick", Quick, config={"max_concurrent_queries": 1000})
    client.create_endpoint("quick", backend="quick", route="/quick", methods=["POST"])
    head = b"POST /quick HTTP/1.1\r\nHost: x\r\n"
    few = max(1, count // FEW)
    slow = [
        Slow("half heads", head, count, HEAD_S),
        Slow("half bodies", head + b"Content-Length: 9\r\n\r\nhalf", few, BODY_S),
        Slow("clients that never read", head + b"X-SERVE-CALL-METHOD: long\r\n\r\n", few, READ_S, reads=False),
    ]
    alone, files = asyncio.run(_ask(3.0)), _proxy_files()
    holding = [threading.Thread(target=one.hold) for one in slow]
    for thread in holding:
        thread.start()
    beside = asyncio.run(_ask(HEAD_S / 2))
    for thread in holding:
        thread.join()
    for one in slow:
        yield from judge(one)
    yield at_most(f"{count} slow clients: p99 of others, ratio to alone", p99(beside) / p99(alone), 2)
    until = time.monotonic() + FREED_S
    while _proxy_files() > files + SPARE and time.monotonic() < until:
        time.sleep(0.05)
    yield at_most(f"descriptors of the proxy left over after {FREED_S:g} s", _proxy_files() - files, SPARE)
    client.delete_endpoint("quick")
    client.delete_backend("quick")


def judge(slow: Slow) -> Iterator[Figure]:
    """What became of one kind of slow clients."""
    stayed = slow.stayed or []
    name = f"{slow.count} {slow.name}"
    yield Figure(f"{name}: closed by the proxy", str(len(stayed)), f"= {slow.count}", len(stayed) == slow.count)
    longest = max(stayed, default=float("inf"))
    yield at_most(f"{name}: the longest stayed", longest, slow.within_s + LATE_S, " s")
    if slow.reads:
        yield Figure(f"{name}: told 408", str(slow.answered), f"= {slow.count}", slow.answered == slow.count)


def _proxy_files() -> int:
    proxy = listener(PORT)
    assert proxy is not None
    return open_files(proxy)


async def _ask(seconds: float) -> list[float]:
    sender = Sender("/quick")
    answers = await sender.at_rate(100, seconds)
    sender.close()
    return [answer.seconds for answer in answers]
