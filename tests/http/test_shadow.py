"""Shadow requests: complete, bounded, and never a burden on the primary."""

from __future__ import annotations

import asyncio
from statistics import median
from typing import Any

import pytest

from legacy.constants import MAX_SHADOWS
from legacy.http.limits import Limits
from tests.http.stage import Seen, Stage, echo, stage
from tests.http.wire import read_response

SHADOW = {"shadow": 1.0}


class Stuck:
    """Shadows that never answer until told to; the primary answers."""

    def __init__(self) -> None:
        self.go = asyncio.Event()

    async def __call__(self, seen: Seen, receive: Any, send: Any) -> None:
        if seen.replica.startswith("shadow"):
            await self.go.wait()
        await echo(seen, receive, send)


async def post(made: Stage, body: bytes, headers: bytes = b"") -> bytes:
    reader, writer = await made.connect()
    writer.write(b"POST /echo?q HTTP/1.1\r\nHost: x\r\n%bContent-Length: %d\r\n\r\n%b" % (headers, len(body), body))
    response = await asyncio.wait_for(read_response(reader), 10)
    writer.close()
    assert response is not None
    assert response.status == 200
    return response.body


def shadowed(made: Stage) -> list[Seen]:
    return [seen for seen in made.seen if seen.replica.startswith("shadow")]


def test_a_shadow_gets_the_whole_request():
    async def play() -> None:
        async with stage(shadows=SHADOW) as made:
            for body in (b"small", b"y" * 500_000):
                assert await post(made, body, b"X-Mine: 1\r\n") == b"POST /echo?q " + body
            await made.until(lambda: made.app.counters().shadows_sent == {"shadow": 2})
            assert [len(seen.body) for seen in shadowed(made)] == [5, 500_000]
            assert all((b"x-mine", b"1") in seen.headers and seen.target == b"/echo?q" for seen in shadowed(made))

    asyncio.run(play())


def test_the_primary_does_not_wait_for_a_stuck_shadow():
    async def play() -> None:
        stuck = Stuck()
        async with stage(stuck, shadows=SHADOW, limit=1) as made:
            for number in range(20):
                await asyncio.wait_for(post(made, b"%d" % number), 1)
            assert len(shadowed(made)) <= 1
            stuck.go.set()
            await made.until(lambda: made.app.counters().shadows_sent == {"shadow": 20})

    asyncio.run(play())


def test_the_backlog_is_bounded_and_what_is_dropped_is_counted():
    async def play() -> None:
        async with stage(Stuck(), shadows=SHADOW, limit=2) as made:
            reader, writer = await made.connect()
            for _ in range(MAX_SHADOWS + 10):
                writer.write(b"GET /echo HTTP/1.1\r\nHost: x\r\n\r\n")
                await asyncio.wait_for(read_response(reader), 5)
            assert made.app.counters().shadows_dropped == {"shadow": 10}
            assert made.in_flight("shadow") == 2

    asyncio.run(play())


def test_a_body_over_a_mebibyte_is_not_copied():
    async def play() -> None:
        async with stage(shadows=SHADOW) as made:
            await post(made, b"y" * 1_100_000)
            await made.until(lambda: made.app.counters().shadows_dropped == {"shadow": 1})
            assert shadowed(made) == []

    asyncio.run(play())


def test_a_dead_or_failing_shadow_is_nobodys_problem():
    async def play() -> None:
        async def fails(seen: Seen, receive: Any, send: Any) -> None:
            if seen.replica.startswith("shadow"):
                raise RuntimeError("shadow")
            await echo(seen, receive, send)

        async with stage(fails, shadows=SHADOW) as made:
            await post(made, b"1")
            await made.until(lambda: made.app.counters().shadows_sent == {"shadow": 1})
            made.kill("shadow#0")
            await post(made, b"2")
            await made.until(lambda: made.app.counters().shadows_dropped == {"shadow": 1})
            assert made.in_flight("shadow") == 0

    asyncio.run(play())


def test_a_cancelled_primary_in_the_queue_sends_no_copy():
    async def play() -> None:
        go = asyncio.Event()

        async def waits(seen: Seen, receive: Any, send: Any) -> None:
            await go.wait()
            await echo(seen, receive, send)

        async with stage(waits, limit=1, shadows={"shadow": 1.0}) as made:
            first = asyncio.ensure_future(post(made, b"1"))
            await made.until(lambda: made.in_flight() == 1)
            _, writer = await made.connect()
            writer.write(b"GET /echo?never HTTP/1.1\r\nHost: x\r\n\r\n")
            await made.until(lambda: made.router.slots("b").waiting == 1)
            writer.close()
            await made.until(lambda: made.router.slots("b").waiting == 0)
            go.set()
            await first
            assert not any(b"never" in seen.target for seen in made.seen)

    asyncio.run(play())


def test_half_of_the_requests_means_half_of_the_copies():
    async def play() -> None:
        async with stage(shadows={"shadow": 0.5}) as made:
            reader, writer = await made.connect()
            for _ in range(1000):
                writer.write(b"GET /echo HTTP/1.1\r\nHost: x\r\n\r\n")
                await read_response(reader)
            await made.until(lambda: made.in_flight("shadow") == 0)
            assert 430 <= len(shadowed(made)) <= 570

    asyncio.run(play())


def test_the_primary_is_as_quick_beside_a_shadow_that_is_slow_and_full():
    async def works(seen: Seen, receive: Any, send: Any) -> None:
        await asyncio.sleep(1.0 if seen.replica.startswith("shadow") else 0.02)
        await echo(seen, receive, send)

    async def seconds(made: Stage, path: str) -> float:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        assert (await made.get(path)).startswith(b"HTTP/1.1 200")
        return loop.time() - begun

    async def play() -> None:
        async with stage(works, shadows=SHADOW, limit=1) as made:
            beside, alone = [], []
            for _ in range(40):  # in turns, so that a busy machine is no difference
                beside.append(await seconds(made, "/echo"))
                alone.append(await seconds(made, "/few"))  # has no shadow
            assert made.in_flight("shadow") == 1
            assert median(beside) <= 1.2 * median(alone)

    asyncio.run(play())


def test_a_shadow_whose_answer_has_no_end_gives_its_place_back(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("legacy.ingress.shadow.LONGEST_BODY_S", 0.2)

    async def play() -> None:
        async def endless(seen: Seen, receive: Any, send: Any) -> None:
            if not seen.replica.startswith("shadow"):
                await echo(seen, receive, send)
                return
            await send({"type": "http.response.start", "status": 200, "headers": []})
            while True:
                await send({"type": "http.response.body", "body": b"data: x\n\n", "more_body": True})
                await asyncio.sleep(0.01)

        async with stage(endless, limits=Limits(tick_s=0.02), shadows=SHADOW, limit=2) as made:
            for _ in range(4):
                await post(made, b"1")
            await made.until(lambda: made.app.counters().shadows_dropped == {"shadow": 4})
            assert (made.in_flight("shadow"), made.app.budget.shadows.used) == (0, 0)

    asyncio.run(play())
