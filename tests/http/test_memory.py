"""A proxy's memory has a budget in bytes, whatever holds them."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import random
import sys
from collections import Counter
from typing import Any

import pytest

from legacy.http.limits import Limits
from legacy.http.protocol import SCOPE_KEY
from tests.http.stage import ANOTHER_NODE, NODE, Seen, Stage, echo, stage
from tests.http.wire import read_response

BODY = b"x" * 200_000
POST = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY
BUDGET = 16 * 2**20
KINDS = (
    "Cycle",
    "UpgradeCycle",
    "Call",
    "Exchange",
    "Upstream",
    "ClientProtocol",
    "Tunnel",
    "Pipe",
    "Task",
    "traceback",
)
GET = b"GET /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
SHORT_POST = b"POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi"
PING = b"\x89\xfd\0\0\0\0" + b"p" * 125
HANDSHAKE = (
    b"GET /p HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


class Gate:
    """A handler that echoes once it is opened."""

    def __init__(self) -> None:
        self.open = asyncio.Event()

    async def __call__(self, seen: Seen, receive: Any, send: Any) -> None:
        await self.open.wait()
        await echo(seen, receive, send)


async def post(made: Stage) -> tuple[int, bool]:
    """Status, and whether it said when to come back."""
    reader, writer = await made.connect()
    with contextlib.suppress(ConnectionError):
        writer.write(POST)
        await writer.drain()
    answer = await read_response(reader)
    assert answer is not None
    writer.close()
    return answer.status, answer.get("retry-after") is not None


def test_waiting_requests_share_the_budget_and_the_rest_is_told_at_once():
    async def play() -> None:
        gate = Gate()
        async with stage(gate, limit=1, max_buffered_bytes=BUDGET) as made:
            asked = [asyncio.ensure_future(post(made)) for _ in range(300)]
            fit = BUDGET // len(BODY)
            await made.until(lambda: sum(one.done() for one in asked) >= 300 - fit - 2, 20)
            assert {one.result() for one in asked if one.done()} == {(503, True)}
            assert fit * 0.5 <= sum(not one.done() for one in asked) <= fit + 2
            gate.open.set()
            ended = Counter(status for status, _ in await asyncio.gather(*asked))
            assert ended[200] >= fit * 0.5
            assert made.app.budget.requests.used == 0

    asyncio.run(asyncio.wait_for(play(), 60))


def test_copies_for_a_slow_shadow_share_the_budget_and_the_rest_is_counted():
    async def play() -> None:
        gate = Gate()

        async def handler(seen: Seen, receive: Any, send: Any) -> None:
            await (gate if seen.replica.startswith("s#") else echo)(seen, receive, send)

        async with stage(handler, shadows={"s": 1.0}, max_buffered_bytes=BUDGET) as made:
            statuses = [await post(made) for _ in range(200)]
            assert statuses == [(200, False)] * 200
            kept = BUDGET // len(BODY)
            assert made.app.counters().shadows_dropped.get("s", 0) >= 200 - kept - 100  # 100 are being sent
            assert made.app.budget.shadows.used <= made.app.budget.shadows.limit <= BUDGET
            gate.open.set()
            await made.until(lambda: made.app.budget.shadows.used == 0)

    asyncio.run(asyncio.wait_for(play(), 60))


def test_a_client_that_pings_and_does_not_read_is_held_back():
    async def play() -> None:
        async with stage(listen) as made:
            reader, writer = await made.connect()
            writer.write(HANDSHAKE)
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
            writer.transport.pause_reading()
            sent = 0
            with contextlib.suppress(asyncio.TimeoutError, ConnectionError):
                while sent < 100 * 2**20:
                    writer.write(PING * 500)
                    sent += len(PING) * 500
                    await asyncio.wait_for(writer.drain(), 2)
            assert sent < 32 * 2**20
            writer.transport.abort()

    asyncio.run(asyncio.wait_for(play(), 60))


def test_whatever_clients_do_all_bytes_come_back():
    rng = random.Random(12)

    async def some(made: Stage) -> None:
        """A request of any size, which may not fit, stop, leave, or be answered."""
        _, writer = await made.connect()
        size = rng.choice([10, 5_000, 200_000, 3_000_000, 9_000_000])
        framing = b"Content-Length: %d\r\n\r\n" % size
        body = b"x" * size
        if rng.random() < 0.5:
            framing, body = b"Transfer-Encoding: chunked\r\n\r\n", b"%x\r\n%b\r\n0\r\n\r\n" % (size, body)
        with contextlib.suppress(ConnectionError, asyncio.TimeoutError):
            writer.write(b"POST /echo HTTP/1.1\r\nHost: x\r\n" + framing + body[: rng.choice([size // 2, len(body)])])
            await asyncio.wait_for(writer.drain(), rng.random())
            await asyncio.sleep(rng.random())
        writer.transport.abort()

    async def play() -> None:
        async with stage(shadows={"s": 1.0}, limit=2, max_buffered_bytes=BUDGET, queue_timeout_s=0.5) as made:
            budget = made.app.budget
            budget.disk.limit = BUDGET  # whatever there is where the tests run
            shares = (budget.requests, budget.answers, budget.shadows, budget.disk)
            for _ in range(3):
                await asyncio.gather(*(some(made) for _ in range(20)))
            await made.until(lambda: made.clients == 0 and made.in_flight("b") + made.in_flight("s") == 0, 20)
            await made.until(lambda: [share.used for share in shares] == [0] * 4)

    asyncio.run(asyncio.wait_for(play(), 60))


async def listen(seen: Seen, receive: Any, send: Any) -> None:
    """A websocket that only listens; else an answer without an end, after the request."""
    if seen.method == "WEBSOCKET":
        await receive()
        await send({"type": "websocket.accept"})
        while (await receive())["type"] != "websocket.disconnect":
            pass
        return
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    while True:
        await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": True})
        await asyncio.sleep(0)


async def leave(made: Stage, request: bytes, size: int) -> None:
    """Send a request, read so many bytes of the answer, and go."""
    reader, writer = await made.connect()
    writer.write(request)
    await reader.readexactly(size)
    writer.transport.abort()
    await made.until(lambda: made.in_flight() == 0 and made.clients == 0)


def alive() -> Counter[str]:
    found = Counter(type(each).__name__ for each in gc.get_objects())
    return Counter({name: found[name] for name in KINDS})


@pytest.mark.parametrize(
    ("request_", "size"),
    [
        (b"GET /echo HTTP/1.1\r\nHost: x\r\n\r\n", 200_000),
        (b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n\r\n" + b"x" * 300_000, 200_000),
        (HANDSHAKE, 12),
        (b"GET /echo HTTP/1.1\r\nno host: x\r\n\r\n", 100),
    ],
    ids=["stream", "upload", "websocket", "refused"],
)
def test_connections_that_were_aborted_leave_nothing_for_the_collector(request_: bytes, size: int):
    async def play() -> None:
        async with stage(listen) as made:
            await leave(made, request_, size)
            gc.collect()
            before = alive()
            gc.disable()
            for _ in range(50):
                await leave(made, request_, size)
            made.pool.tick(asyncio.get_running_loop().time())
            assert {name: count for name, count in (alive() - before).items() if count > 5} == {}

    try:
        asyncio.run(asyncio.wait_for(play(), 60))
    finally:
        gc.enable()


@pytest.mark.parametrize(("dying", "node"), [("b", NODE), ("b", ANOTHER_NODE), ("s", NODE)])
@pytest.mark.parametrize("reached", [True, False])
def test_replicas_that_die_leave_nothing_for_the_collector(reached: bool, dying: str, node: str):
    async def handler(seen: Seen, receive: Any, send: Any) -> None:
        if seen.replica.startswith(dying):
            seen.scope[SCOPE_KEY].transport.abort()
        else:
            await echo(seen, receive, send)

    async def ask(made: Stage, times: int) -> Counter[str]:
        for request in (GET, SHORT_POST) * times:
            made.router.slots(dying).trust(f"{dying}#0")
            await made.ask(request)
            await made.until(lambda: made.in_flight("b") + made.in_flight("s") + made.clients == 0)
        made.pool.tick(asyncio.get_running_loop().time())
        made.seen.clear()
        return alive()

    async def play() -> None:
        async with stage(handler, shadows={"s": 1.0}, node=node, queue_timeout_s=0.01) as made:
            if not reached:
                made.kill(f"{dying}#0")
            await ask(made, 1)
            gc.collect()
            gc.disable()
            before = alive()
            assert {name: count for name, count in (await ask(made, 5) - before).items() if count > 3} == {}

    try:
        asyncio.run(asyncio.wait_for(play(), 60))
    finally:
        gc.enable()


def test_requests_pipelined_without_end_cost_no_more_than_a_few():
    async def play() -> None:
        gate = Gate()
        async with stage(gate) as made:
            reader, writer = await made.connect()
            writer.write(b"GET /echo HTTP/1.1\r\nHost: x\r\n\r\n" * 5000)
            await made.until(lambda: made.in_flight() == 1)
            (connection,) = made.front._state.connections
            assert len(connection.pipeline) <= Limits.pipelined
            gate.open.set()
            statuses: Counter[int] = Counter()
            while (answer := await asyncio.wait_for(read_response(reader), 5)) is not None:
                statuses[answer.status] += 1
            assert statuses == {200: Limits.pipelined + 1, 429: 1}
            assert len(made.seen) == Limits.pipelined + 1

    asyncio.run(asyncio.wait_for(play(), 60))


def test_a_body_in_crumbs_that_nobody_reads_yet_costs_about_its_length():
    async def play() -> None:
        gate = Gate()
        async with stage(gate) as made:
            _, writer = await made.connect()
            post = b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
            writer.write(b"GET /echo HTTP/1.1\r\nHost: x\r\n\r\n" + post + b"2\r\nab\r\n" * 5000)
            await made.until(lambda: made.clients == 1)
            (connection,) = made.front._state.connections
            await made.until(lambda: connection.cycle is not None and connection.cycle._size == 10_000)
            assert sum(map(sys.getsizeof, connection.cycle._pieces)) < 12_000
            writer.transport.abort()

    asyncio.run(asyncio.wait_for(play(), 60))
