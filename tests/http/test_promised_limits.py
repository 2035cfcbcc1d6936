"""What a client may cost with the limits of production; the figures here are the promises, not the constants."""

from __future__ import annotations

import asyncio
import contextlib
import select
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.http.stage import Seen, Stage, stage
from tests.http.wire import is_closed, read_response

HEAD_S, BODY_S, READ_S = 10.0, 3601.0, 61.0
ROOM_S = 2.0  # so much earlier a client still has time
CONNECTIONS = 100
MEMORY_EACH = 512 * 1024
HALF_HEAD = b"POST /echo HTTP/1.1\r\nHost: x\r\nX-Half: "
HALF_BODY = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf"
LONG_LINE = b"GET /" + b"a" * 65_536
MANY_HEADERS = b"GET /echo HTTP/1.1\r\nHost: x\r\n" + b"".join(b"a%d: b\r\n" % number for number in range(1001))


async def after(made: Stage, seconds: float) -> None:
    """Let the proxy look at its connections as it would so many seconds from now."""
    await asyncio.sleep(0.05)
    made.front.tick(asyncio.get_running_loop().time() + seconds)


@pytest.mark.parametrize(("data", "within_s"), [(b"", HEAD_S), (HALF_HEAD, HEAD_S), (HALF_BODY, BODY_S)])
def test_who_does_not_go_on_is_told_408_in_the_promised_time_and_not_before(data: bytes, within_s: float) -> None:
    async def play() -> None:
        async with stage() as made:
            reader, writer = await made.connect()
            writer.write(data)
            await made.until(lambda: made.clients == 1)
            await after(made, within_s - ROOM_S)
            reading = asyncio.ensure_future(read_response(reader))
            await asyncio.sleep(0.05)
            assert not reading.done()
            await after(made, within_s)
            answer = await asyncio.wait_for(reading, 5)
            assert answer is not None
            assert answer.status == 408
            assert await is_closed(reader)

    asyncio.run(play())


def test_who_never_reads_is_cut_in_the_promised_time_and_not_before() -> None:
    async def endless(seen: Seen, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while True:
            await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": True})

    async def play() -> None:
        async with stage(endless) as made:
            _, writer = await made.connect()
            writer.transport.pause_reading()
            writer.write(b"GET /echo HTTP/1.1\r\nHost: x\r\n\r\n")
            await made.until(lambda: made.in_flight() == 1)
            await asyncio.sleep(0.3)  # until nothing fits any more
            for _ in range(2):
                await after(made, 0)  # at the first look the kernel is not asked yet
            await after(made, READ_S - 2 * ROOM_S)
            assert made.clients == 1
            await after(made, READ_S + 1)
            await made.until(lambda: made.clients == 0 and made.in_flight() == 0)
            assert is_reset(writer)  # else the kernel would keep what was written, and the client hear nothing

    asyncio.run(play())


def is_reset(writer: asyncio.StreamWriter) -> bool:
    poll = select.poll()
    poll.register(writer.get_extra_info("socket").fileno(), select.POLLERR)
    return bool(poll.poll(1000))


@pytest.mark.parametrize(
    ("data", "status"),
    [(LONG_LINE, 414), (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 131_072, 431), (MANY_HEADERS, 431)],
)
def test_a_head_over_the_promised_limits_is_refused_before_it_is_complete(data: bytes, status: int) -> None:
    async def play() -> None:
        async with stage() as made:
            reader, writer = await made.connect()
            writer.write(data)
            answer = await asyncio.wait_for(read_response(reader), 5)
            assert answer is not None
            assert answer.status == status
            assert (await made.get()).startswith(b"HTTP/1.1 200")

    asyncio.run(play())


ENDLESS = {
    "line": lambda number: b"a" * 4096,
    "header": lambda number: (b"" if number else b"GET / HTTP/1.1\r\nHost: x\r\nX: ") + b"a" * 4096,
    "headers": lambda number: (b"" if number else b"GET / HTTP/1.1\r\nHost: x\r\n") + b"x: yyyyyyyyyyyyy\r\n" * 240,
    "blank lines": lambda number: b"\r\n" * 2048,
    "chunk extension": lambda number: (
        (b"" if number else b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1;") + b"a" * 4096
    ),
    "trailers": lambda number: (
        (b"" if number else b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n")
        + b"x: yyyyyyyyyyyyy\r\n" * 240
    ),
}


@pytest.mark.parametrize("kind", ENDLESS)
def test_no_endless_head_costs_more_than_the_promised_memory_and_others_are_served(kind: str) -> None:
    async def play() -> None:
        async with stage() as made, clients_of(made) as clients:
            await made.get()
            before = resident()
            for number in range(512):  # 2 MiB each, as far as they are taken
                piece = ENDLESS[kind](number)
                for client in clients:
                    client.setblocking(False)
                    push(client, piece)
                if number % 16 == 0:
                    assert resident() - before <= CONNECTIONS * MEMORY_EACH
                await asyncio.sleep(0)
            assert resident() - before <= CONNECTIONS * MEMORY_EACH
            assert (await made.get()).startswith(b"HTTP/1.1 200")

    asyncio.run(play())


@contextlib.asynccontextmanager
async def clients_of(made: Stage) -> AsyncIterator[list[socket.socket]]:
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(socket.create_connection(made.address)) for _ in range(CONNECTIONS)]


def push(client: socket.socket, piece: bytes) -> None:
    try:
        client.send(piece)
    except (BlockingIOError, ConnectionError):  # its buffer is full, or it was refused
        return


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
