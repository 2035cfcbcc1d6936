"""A client that leaves: whatever is done for it stops, and its slot is free again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.http.stage import Seen, Stage, echo, stage
from tests.http.wire import read_response

GET = b"GET /echo HTTP/1.1\r\nHost: x\r\n\r\n"


class Slow:
    """A handler that works until it is told to stop, and remembers how it ended."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.began = 0
        self.cancelled = 0

    async def __call__(self, seen: Seen, receive: Any, send: Any) -> None:
        self.began += 1
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})


def run(play: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(play(), 30))  # type: ignore[arg-type]


async def leave_while_running(made: Stage, slow: Slow) -> None:
    began = slow.began
    _, writer = await made.connect()
    writer.write(GET)
    await made.until(lambda: slow.began == began + 1)
    writer.transport.abort()


def test_a_running_handler_is_cancelled_within_a_second():
    async def play() -> None:
        slow = Slow()
        async with stage(slow) as made:
            await leave_while_running(made, slow)
            await made.until(lambda: slow.cancelled == 1, 1.0)
            await made.until(lambda: made.in_flight() == 0)

    run(play)


def test_so_is_one_whose_request_is_long():
    async def play() -> None:
        slow = Slow()
        async with stage(slow) as made:
            _, writer = await made.connect()
            writer.write(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n" + b"x" * 200_000)
            await made.until(lambda: slow.began == 1)
            writer.transport.abort()
            await made.until(lambda: slow.cancelled == 1, 1.0)

    run(play)


def test_an_orderly_close_cancels_within_a_second_too():
    async def play() -> None:
        slow = Slow()
        async with stage(slow) as made:
            _, writer = await made.connect()
            writer.write(GET)
            await made.until(lambda: slow.began == 1)
            writer.close()
            await made.until(lambda: slow.cancelled == 1, 1.0)

    run(play)


def test_who_leaves_the_queue_never_starts():
    async def play() -> None:
        slow = Slow()
        async with stage(slow, limit=1) as made:
            reader, writer = await made.connect()
            writer.write(GET)
            await made.until(lambda: slow.began == 1)
            _, queued = await made.connect()
            queued.write(GET)
            await made.until(lambda: made.router.slots("b").waiting == 1)
            queued.close()
            await made.until(lambda: made.router.slots("b").waiting == 0, 1.0)
            slow.go.set()
            answer = await read_response(reader)
            assert answer is not None
            assert (answer.body, slow.began, made.in_flight()) == (b"ok", 1, 0)

    run(play)


def test_others_are_not_touched():
    async def play() -> None:
        slow = Slow()
        async with stage(slow) as made:
            reader, writer = await made.connect()
            writer.write(GET)
            await made.until(lambda: slow.began == 1)
            await leave_while_running(made, slow)
            await made.until(lambda: slow.cancelled == 1)
            slow.go.set()
            answer = await read_response(reader)
            assert answer is not None
            assert answer.body == b"ok"

    run(play)


@pytest.mark.parametrize("sent", [b"12345", b""])
def test_who_leaves_within_its_body_never_starts(sent: bytes):
    async def play() -> None:
        slow = Slow()
        async with stage(slow) as made:
            _, writer = await made.connect()
            writer.write(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n" + sent)
            await made.until(lambda: made.clients == 1)
            writer.close()
            await made.until(lambda: made.clients == 0)
            assert (slow.began, made.in_flight()) == (0, 0)

    run(play)


def test_a_big_body_that_breaks_off_closes_the_replicas_connection():
    async def play() -> None:
        ended = asyncio.Event()

        async def reads(seen: Seen, receive: Any, send: Any) -> None:
            try:
                while (await receive())["type"] == "http.request":
                    pass
            finally:
                ended.set()

        async with stage(reads) as made:
            _, writer = await made.connect()
            writer.write(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n\r\n" + b"x" * 500_000)
            await made.until(lambda: len(made.seen) == 1)
            writer.close()
            await asyncio.wait_for(ended.wait(), 1)
            await made.until(lambda: made.pool.counts() == (0, 0))

    run(play)


def test_streams_are_cancelled():
    async def play() -> None:
        ended = asyncio.Event()

        async def streams(seen: Seen, receive: Any, send: Any) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            try:
                while True:
                    await send({"type": "http.response.body", "body": b"tick", "more_body": True})
                    await asyncio.sleep(0.001)
            finally:
                ended.set()

        async with stage(streams) as made:
            reader, writer = await made.connect()
            writer.write(GET)
            await reader.readuntil(b"tick")
            writer.close()
            await asyncio.wait_for(ended.wait(), 1)
            await made.until(lambda: made.in_flight() == 0)

    run(play)


def test_a_thousand_who_leave_leak_nothing():
    async def play() -> None:
        slow = Slow()
        async with stage(slow) as made:
            before = len(asyncio.all_tasks())
            for _ in range(50):
                await asyncio.gather(*(leave_at_once(made) for _ in range(20)))
            await made.until(lambda: made.clients == 0 and made.in_flight() == 0)
            await made.until(lambda: len(asyncio.all_tasks()) <= before)
            assert slow.cancelled == slow.began
            await made.until(lambda: made.pool.counts() == (0, 0))

    run(play)


async def leave_at_once(made: Stage) -> None:
    _, writer = await made.connect()
    writer.write(GET)
    await writer.drain()
    await asyncio.sleep(0)
    writer.transport.abort()


def test_a_client_that_only_stops_sending_is_answered():
    async def play() -> None:
        async def soon(seen: Seen, receive: Any, send: Any) -> None:
            await asyncio.sleep(0.05)
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
            await send({"type": "http.response.body", "body": b"ok"})

        async with stage(soon) as made:
            reader, writer = await made.connect()
            writer.write(GET)
            writer.write_eof()
            assert (await reader.read()).endswith(b"\r\n\r\nok")

    run(play)


async def drips(seen: Seen, receive: Any, send: Any) -> None:
    """A stream that pauses for longer than a test may last after its first piece."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"first", "more_body": True})
    await asyncio.sleep(1.5)
    await send({"type": "http.response.body", "body": b"second"})


def test_an_orderly_close_within_a_stream_cancels_too():
    async def play() -> None:
        ended = asyncio.Event()

        async def waits(seen: Seen, receive: Any, send: Any) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"first", "more_body": True})
            try:
                await asyncio.sleep(60)
            finally:
                ended.set()

        async with stage(waits) as made:
            reader, writer = await made.connect()
            writer.write(GET)
            await reader.readuntil(b"first\r\n")
            writer.close()
            await asyncio.wait_for(ended.wait(), 1.0)

    run(play)


def test_a_client_that_only_stops_sending_gets_the_rest_of_a_stream():
    async def play() -> None:
        async with stage(drips) as made:
            reader, writer = await made.connect()
            writer.write(GET)
            writer.write_eof()
            answer = await asyncio.wait_for(read_response(reader), 10)
            assert answer is not None
            assert (answer.body, answer.complete) == (b"firstsecond", True)

    run(play)


def test_work_that_ends_before_it_has_begun_is_forgotten():
    async def play() -> None:
        async with stage(Slow()) as made:
            await made.connect()
            await made.until(lambda: made.clients == 1)
            tasks = made.front._state.tasks
            (connection,) = made.front._state.connections
            connection.data_received(GET)
            assert len(tasks) == 1
            connection.connection_lost(None)
            await made.until(lambda: not tasks)

    run(play)


def test_work_after_the_last_byte_is_held_until_it_ends():
    async def play() -> None:
        go = asyncio.Event()

        async def lingers(seen: Seen, receive: Any, send: Any) -> None:
            await echo(seen, receive, send)
            await go.wait()

        async with stage(lingers) as made:
            await made.get()
            (state,) = made.states.values()
            assert len(state.tasks) == 1
            go.set()
            await made.until(lambda: not state.tasks)

    run(play)


def test_tasks_of_an_application_that_both_ask_for_more_both_hear_of_the_end():
    async def play() -> None:
        heard: list[Any] = []

        async def ask_twice(seen: Seen, receive: Any, send: Any) -> None:
            await receive()
            asking = [asyncio.ensure_future(receive()) for _ in range(3)]
            await asyncio.sleep(0)
            asking.pop(1).cancel()
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"ok"})
            heard.extend(await asyncio.wait_for(asyncio.gather(*asking), 5))

        async with stage(ask_twice) as made:
            assert (await made.get()).startswith(b"HTTP/1.1 200")
            await made.until(lambda: heard == [{"type": "http.disconnect"}] * 2)

    run(play)
