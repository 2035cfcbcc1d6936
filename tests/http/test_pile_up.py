"""What has arrived and nobody has looked at yet belongs into the budget too: connections may pile up."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import tracemalloc
from collections.abc import Iterator

import pytest

from legacy.http.limits import Limits
from tests.http.stage import Stage, stage
from tests.http.test_memory import Gate

BUDGET = 4 * 2**20
CLIENTS = 300
CONNECTION = 20 * 1024  # what a connection may cost by itself, with a small request and its task
SIZE = 200_000
HEAD = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % SIZE
LONG_HEAD = b"POST /echo HTTP/1.1\r\nHost: x\r\nX: %b\r\nContent-Length: 9\r\n\r\n" % (b"x" * 50_000)
LIMITS = Limits(linger_s=20.0)  # who is refused stays as long as it likes
PATIENCE = {"queue_timeout_s": 1.0}
PIPELINED = b"GET /echo HTTP/1.1\r\nHost: x\r\n\r\n" * 2000
KINDS = {
    "whole": HEAD + b"x" * SIZE,
    "begun": HEAD + b"x" * 60_000,
    "streamed": HEAD.replace(b"%d" % SIZE, b"%d" % 10**9) + b"x" * 400_000,
    "half a head": LONG_HEAD[:40_000],
    "a head": LONG_HEAD,
    "pipelined": PIPELINED,
    "pipelined bodies": b"GET /echo HTTP/1.1\r\nHost: x\r\n\r\n" + HEAD + b"x" * SIZE,
}


def pile_up(made: Stage, clients: contextlib.ExitStack, data: bytes) -> Iterator[socket.socket]:
    """Connections of clients that have all sent what fits into the kernel, while the proxy had no time for any."""
    for _ in range(CLIENTS):
        client = clients.enter_context(socket.create_connection(made.address))
        client.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            client.send(data)
        yield client


@pytest.mark.parametrize("kind", KINDS)
def test_however_many_come_at_once_their_bytes_share_the_budget(kind: str):
    async def play() -> None:
        gate = Gate()
        async with stage(gate, limit=1, limits=LIMITS, max_buffered_bytes=BUDGET, **PATIENCE) as made:
            with contextlib.ExitStack() as clients:
                await made.get("/-/healthz")
                waiting = list(pile_up(made, clients, KINDS[kind]))
                tracemalloc.start()
                await made.until(lambda: made.clients == CLIENTS, 20)
                await asyncio.sleep(0.2)
                for client in waiting:
                    with contextlib.suppress(BlockingIOError, ConnectionError):
                        client.send(KINDS[kind][-60_000:])
                await asyncio.sleep(0.2)
                _, peak = tracemalloc.get_traced_memory()
                assert peak < BUDGET + CLIENTS * CONNECTION, f"{peak / 2**20:.0f} MiB"
                gate.open.set()
            await made.until(lambda: made.clients == 0)
            await made.until(lambda: made.app.budget.requests.used == 0)

    try:
        asyncio.run(asyncio.wait_for(play(), 60))
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "data",
    [
        LONG_HEAD.replace(b"Content-Length: 9", b"Content-Length: x"),
        LONG_HEAD.replace(b"Host: x", b"A: x").replace(b"Content-Length: 9", b"Host: /"),
        LONG_HEAD.replace(b"/echo", b"/" + b"e" * 40_000 + b"\x01"),
        LONG_HEAD[:40_000],
        b"GET /echo HTTP/1.1\r\nHost: x\r\n\r\n" + LONG_HEAD.replace(b"Content-Length: 9", b"Content-Length: x"),
    ],
)
def test_a_long_head_that_is_refused_holds_nothing_while_its_connection_lingers(data: bytes):
    async def play() -> None:
        limits = Limits(linger_s=20.0, head_s=0.2, tick_s=0.02)
        async with stage(limits=limits) as made:
            reader, writer = await made.connect()
            for start in range(0, len(data), 8_000):  # so that it is counted before it is whole
                writer.write(data[start : start + 8_000])
                await writer.drain()
                await asyncio.sleep(0.01)
            await asyncio.wait_for(reader.read(), 10)
            assert made.clients == 1
            await made.until(lambda: made.app.budget.requests.used == 0, 1)

    asyncio.run(play())
