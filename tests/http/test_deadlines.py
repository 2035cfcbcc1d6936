"""Slow and stuck peers on both sides: nobody is waited for without end."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from legacy.http.limits import Limits
from legacy.ingress.client import ClientProtocol
from tests.fakes_time import Ahead
from tests.http.stage import Seen, Stage, echo, stage
from tests.http.wire import is_closed, read_response

FAST = Limits(head_s=0.2, body_idle_s=0.2, write_idle_s=0.3, keep_alive_s=1, linger_s=0.1, tick_s=0.02)


async def status_after(made: Stage, data: bytes) -> tuple[int | None, float]:
    loop = asyncio.get_running_loop()
    begun = loop.time()
    reader, writer = await made.connect()
    writer.write(data)
    answer = await asyncio.wait_for(read_response(reader), 5)
    assert await is_closed(reader)
    writer.close()
    return answer.status if answer else None, loop.time() - begun


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"G",
        b"GET /echo HTTP/1.1\r\nHost: x\r\nX-Half: ",
        b"\r\n",
        b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab",
        b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + b"10000\r\n" + b"x" * 65535,
    ],
)
def test_a_request_that_does_not_go_on_is_408(data: bytes):
    async def play() -> None:
        async with stage(limits=FAST) as made:
            status, waited = await status_after(made, data)
            assert status == 408
            assert 0.2 <= waited < 1
            assert made.seen == []

    asyncio.run(play())


def test_a_body_that_stops_and_is_not_too_long_to_be_read_whole_disturbs_no_replica():
    async def play() -> None:
        async with stage(limits=FAST) as made:
            data = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n\r\n" + b"x" * 300_000
            status, _ = await status_after(made, data)
            assert (status, made.seen) == (408, [])
            assert made.app.budget.requests.used == 0

    asyncio.run(play())


def test_a_big_body_that_stops_cancels_the_replica():
    async def play() -> None:
        async with stage(limits=FAST) as made:
            data = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n\r\n" + b"x" * 300_000
            status, _ = await status_after(made, data)
            assert (status, len(made.seen)) == (408, 1)
            await made.until(lambda: made.in_flight() == 0)

    asyncio.run(play())


def test_a_body_that_trickles_in_has_time(monkeypatch: pytest.MonkeyPatch):
    came, received = [], ClientProtocol.data_received

    def noting(connection: ClientProtocol, data: bytes) -> None:
        received(connection, data)
        came.append(data)

    async def play() -> None:
        monkeypatch.setattr(ClientProtocol, "data_received", noting)
        ahead = Ahead()
        async with stage(limits=replace(FAST, body_idle_s=100)) as made:
            reader, writer = await made.connect()
            writer.write(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\n")
            for pieces in range(1, 9):
                await made.until(lambda: len(came) == pieces)  # noqa: B023
                made.front.tick(ahead.go_on(60))
                writer.write(b"x")
            answer = await read_response(reader)
            assert answer is not None
            assert answer.status == 200

    asyncio.run(play())


def test_a_second_head_has_the_same_deadline_and_a_pause_before_it_does_not_count():
    async def play() -> None:
        async with stage(limits=FAST) as made:
            reader, writer = await made.connect()
            for _ in range(2):
                writer.write(b"GET /echo HTTP/1.1\r\nHost: x\r\n\r\n")
                answer = await read_response(reader)
                assert answer is not None
                assert answer.status == 200
                await asyncio.sleep(0.4)
            writer.write(b"GET /ec")
            answer = await asyncio.wait_for(read_response(reader), 1)
            assert answer is not None
            assert answer.status == 408

    asyncio.run(play())


def test_an_idle_connection_is_closed_after_the_keep_alive_time():
    async def play() -> None:
        async with stage(limits=FAST) as made:
            reader, writer = await made.connect()
            writer.write(b"GET /echo HTTP/1.1\r\nHost: x\r\n\r\n")
            await read_response(reader)
            assert await is_closed(reader, 2)

    asyncio.run(play())


def test_blank_lines_do_not_keep_a_connection_for_ever():
    async def play() -> None:
        async with stage(limits=FAST) as made:
            reader, writer = await made.connect()
            writer.write(b"GET /echo HTTP/1.1\r\nHost: x\r\n\r\n")
            await read_response(reader)
            for _ in range(100):
                if not made.clients:
                    return
                writer.write(b"\r\n")
                await asyncio.sleep(0.02)
            raise AssertionError("still open")

    asyncio.run(play())


def test_a_client_that_never_reads_is_cut():
    async def play() -> None:
        async def endless(seen: Seen, receive: Any, send: Any) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            while True:
                await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": True})

        async with stage(endless, limits=FAST) as made:
            _, writer = await made.connect()
            writer.write(b"GET /echo HTTP/1.1\r\nHost: x\r\n\r\n")
            writer.transport.pause_reading()
            await made.until(lambda: len(made.seen) == 1)
            await made.until(lambda: made.clients == 0 and made.in_flight() == 0)

    asyncio.run(play())


def test_a_slow_handler_is_not_the_clients_fault():
    async def play() -> None:
        async def slow(seen: Seen, receive: Any, send: Any) -> None:
            await asyncio.sleep(0.6)
            await echo(seen, receive, send)

        async with stage(slow, limits=FAST) as made:
            assert (await made.get()).startswith(b"HTTP/1.1 200")

    asyncio.run(play())


def test_a_client_that_waits_for_continue_is_not_hurried():
    async def play() -> None:
        async with stage(limits=FAST, limit=1) as made:
            slot = made.router.slots("b").take()
            assert slot is not None
            reader, writer = await made.connect()
            writer.write(b"POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
            await asyncio.sleep(0.5)
            made.router.slots("b").give_back(slot.tag)
            await asyncio.wait_for(reader.readuntil(b"100 Continue\r\n\r\n"), 1)
            await asyncio.sleep(0.05)
            writer.write(b"hi")
            answer = await read_response(reader)
            assert answer is not None
            assert answer.status == 200

    asyncio.run(play())


def test_a_replica_that_never_begins_its_answer_is_504():
    async def play() -> None:
        async def never(seen: Seen, receive: Any, send: Any) -> None:
            await asyncio.sleep(60)

        async with stage(never, limits=FAST, request_timeout_s=0.2) as made:
            answer = await asyncio.wait_for(made.ask(b"GET /echo HTTP/1.0\r\n\r\n"), 1)
            assert answer.startswith(b"HTTP/1.1 504")
            assert b"UpstreamTimeoutError" in answer
            assert made.in_flight() == 0
            await made.until(lambda: made.pool.counts() == (0, 0))

    asyncio.run(play())


def test_an_answer_that_has_begun_may_take_longer():
    async def play() -> None:
        async def slow(seen: Seen, receive: Any, send: Any) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            for _ in range(6):
                await send({"type": "http.response.body", "body": b"x", "more_body": True})
                await asyncio.sleep(0.1)
            await send({"type": "http.response.body"})

        async with stage(slow, limits=FAST, request_timeout_s=0.2) as made:
            answer = await asyncio.wait_for(made.ask(b"GET /echo HTTP/1.0\r\n\r\n"), 5)
            assert answer.endswith(b"\r\n\r\nxxxxxx")

    asyncio.run(play())


def test_many_slow_heads_leave_nothing_behind_and_others_alone():
    async def play() -> None:
        async with stage(limits=FAST) as made:
            slow = [await made.connect() for _ in range(200)]
            for _, writer in slow:
                writer.write(b"GET /echo HTTP/1.1\r\nX: ")
            assert (await made.get()).startswith(b"HTTP/1.1 200")
            await made.until(lambda: made.clients == 0)
            for _, writer in slow:
                writer.close()

    asyncio.run(play())


def test_a_connection_that_cannot_be_looked_at_keeps_no_other_from_its_deadline(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    look, broken = ClientProtocol.look, set[Any]()

    def look_at_all_but_one(connection: ClientProtocol, now: float) -> None:
        if not broken:
            broken.add(connection)
        if connection in broken:
            raise ValueError("a broken deadline")
        look(connection, now)

    async def play() -> None:
        async with stage(limits=FAST) as made:
            monkeypatch.setattr(ClientProtocol, "look", look_at_all_but_one)
            await made.connect()
            await made.until(lambda: bool(broken))
            assert (await status_after(made, b"G"))[0] == 408

    asyncio.run(play())
    assert "the look at a client's connection failed and goes on: Traceback" in caplog.text
