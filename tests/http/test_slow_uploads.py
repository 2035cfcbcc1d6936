"""A slow client costs the others nothing: it holds no place while it sends, and none while it reads."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import Any

import pytest

from legacy.http.limits import Limits
from tests.http.stage import Seen, Stage, echo, stage
from tests.http.wire import read_response

FAST = Limits(body_idle_s=5.0, body_grace_s=2.0, tick_s=0.02)  # longer than a drop takes to come on a busy machine


async def another_is_served(made: Stage, within_s: float) -> None:
    answer = await asyncio.wait_for(made.get("/few"), within_s)
    assert answer.startswith(b"HTTP/1.1 200"), answer[:200]


async def post_without_reading(made: Stage, client: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.setblocking(False)
    await loop.sock_connect(client, made.address)
    await loop.sock_sendall(client, b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")


def test_a_client_in_the_middle_of_its_body_holds_no_place():
    async def play() -> None:
        async with stage(limit=1) as made:
            _, slow = await made.connect()
            slow.write(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 300_000)
            await asyncio.sleep(0.3)
            await another_is_served(made, 1.0)
            slow.close()

    asyncio.run(play())


def test_uploads_at_the_same_time_take_no_longer_than_one():
    async def upload(made: Stage) -> bytes:
        reader, writer = await made.connect()
        writer.write(b"POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 500000\r\n\r\n")
        for _ in range(10):
            writer.write(b"x" * 50_000)
            await asyncio.sleep(0.1)
        answer = await read_response(reader)
        assert answer is not None
        return answer.body[-5:]

    async def play() -> None:
        async with stage(limit=1) as made:
            uploads = [upload(made) for _ in range(5)]
            assert await asyncio.wait_for(asyncio.gather(*uploads), 3.0) == [b"xxxxx"] * 5

    asyncio.run(play())


def test_a_body_that_streams_has_a_rate_to_keep():
    async def play() -> None:
        async with stage(limit=1, limits=FAST) as made:
            _, slow = await made.connect()
            slow.write(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4000000000\r\n\r\n")
            for _ in range(512):  # more than anybody reads before it takes a place
                slow.write(b"x" * 65536)
                await slow.drain()
            await made.until(lambda: made.in_flight() == 1)
            dripping = asyncio.ensure_future(drip(slow))
            await another_is_served(made, 20.0)
            dripping.cancel()

    async def drip(slow: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while True:
                slow.write(b"x" * 50)
                await slow.drain()
                await asyncio.sleep(0.1)

    asyncio.run(asyncio.wait_for(play(), 40))


@pytest.mark.parametrize(("others", "status"), [(0, 200), (1, 408)])
def test_a_stream_may_pause_as_long_as_nobody_else_wants_its_place(others: int, status: int):
    size = 9 * 2**20

    async def play() -> None:
        async with stage(limit=1) as made:
            reader, slow = await made.connect()
            slow.write(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size + b"x" * (size - 1))
            await made.until(lambda: bool(made.seen) and len(made.seen[0].body) == size - 1, 20)
            waiting = [asyncio.ensure_future(made.get("/few")) for _ in range(others)]
            await made.until(lambda: made.router.slots("b").waiting == others)
            for later in (0, 20, 40, 60):
                made.front.tick(asyncio.get_running_loop().time() + later)
            slow.write(b"y")
            answer = await asyncio.wait_for(read_response(reader), 10)
            assert answer is not None
            assert answer.status == status
            assert all(got.startswith(b"HTTP/1.1 200") for got in await asyncio.gather(*waiting))

    asyncio.run(play())


def test_a_client_that_does_not_read_holds_no_place_once_its_answer_is_there():
    size = 4 * 2**20

    async def big(seen: Seen, receive: Any, send: Any) -> None:
        if seen.method == "GET":
            await echo(seen, receive, send)
            return
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % size)]})
        await send({"type": "http.response.body", "body": b"x" * size})

    async def play() -> None:
        async with stage(big, limit=1) as made:
            with socket.socket() as slow:
                await post_without_reading(made, slow)
                await made.until(lambda: len(made.seen) == 1)
                await another_is_served(made, 1.0)

    asyncio.run(play())


def test_uploads_that_do_not_fit_into_memory_hold_no_place_either():
    async def begin(made: Stage) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await made.connect()
        writer.write(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\n" + b"x" * 1_999_999)
        await writer.drain()
        return reader, writer

    async def play() -> None:
        async with stage(limit=1, max_buffered_bytes=8 * 2**20) as made:
            budget = made.app.budget
            budget.disk.limit = 16 * 2**20  # whatever there is where the tests run
            slow = [await begin(made) for _ in range(5)]
            await made.until(lambda: budget.requests.used + budget.disk.used == 5 * 1_999_999)
            await another_is_served(made, 1.0)
            for reader, writer in slow:
                writer.write(b"y")
                answer = await asyncio.wait_for(read_response(reader), 5)
                assert answer is not None
                assert (answer.status, len(answer.body)) == (200, len("POST /echo ") + 2_000_000)
            assert (budget.requests.used, budget.disk.used) == (0, 0)

    asyncio.run(play())


@pytest.mark.parametrize("size", [100_000, 1_000_000])
def test_who_waits_to_be_asked_for_a_body_holds_no_place_while_it_sends(size: int):
    async def play() -> None:
        async with stage(limit=1) as made:
            reader, slow = await made.connect()
            slow.write(b"POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n" % size)
            assert await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 2) == b"HTTP/1.1 100 Continue\r\n\r\n"
            slow.write(b"x" * (size - 1))
            await another_is_served(made, 1.0)
            slow.write(b"y")
            answer = await asyncio.wait_for(read_response(reader), 5)
            assert answer is not None
            assert (answer.status, answer.body[-2:]) == (200, b"xy")

    asyncio.run(play())


def test_a_stream_whose_replica_is_slow_is_not_the_clients_fault():
    async def play() -> None:
        size = 12 * 2**20

        async def slow(seen: Seen, receive: Any, send: Any) -> None:
            await receive()
            await asyncio.sleep(0.5)  # longer than the grace
            await echo(seen, receive, send)

        limits = Limits(body_rate=10**6, body_grace_s=0.1, tick_s=0.02)
        async with stage(slow, limits=limits) as made:
            reader, writer = await made.connect()
            writer.write(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size)
            answer = await asyncio.wait_for(read_response(reader), 20)
            assert answer is not None
            assert answer.status == 200

    asyncio.run(play())


def test_places_are_free_although_nobody_reads_and_what_is_buffered_is_within_the_budget():
    async def big(seen: Seen, receive: Any, send: Any) -> None:
        if seen.method == "GET":
            await echo(seen, receive, send)
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(16):
            await send({"type": "http.response.body", "body": b"x" * 2**18, "more_body": True})
        await send({"type": "http.response.body"})

    async def play() -> None:
        async with stage(big, limit=1, max_buffered_bytes=64 * 2**20) as made:
            with contextlib.ExitStack() as clients:
                for number in range(3):
                    slow = clients.enter_context(socket.socket())
                    await post_without_reading(made, slow)
                    await made.until(lambda number=number: len(made.seen) == number + 1)  # type: ignore[misc]
                await another_is_served(made, 1.0)
                answers = made.app.budget.answers
                assert answers.used <= answers.limit
            await made.until(lambda: answers.used == 0)

    asyncio.run(play())
