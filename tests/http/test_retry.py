"""Replicas that die, refuse or are full: what is tried again, where, and what the client is told."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from legacy.ingress import waiting
from legacy.records import BackendView, Update
from tests.http.stage import Seen, Stage, echo, stage
from tests.http.wire import Response, read_response

BODY = b"x" * 20_000


def request(method: str, body: bytes = b"", target: str = "/echo") -> bytes:
    length = b"Content-Length: %d\r\n" % len(body) if body else b""
    return f"{method} {target} HTTP/1.1\r\nHost: x\r\n".encode() + length + b"\r\n" + body


async def ask(made: Stage, data: bytes) -> Response:
    reader, writer = await made.connect()
    writer.write(data)
    response = await asyncio.wait_for(read_response(reader), 10)
    writer.close()
    assert response is not None
    return response


async def refuse(send: Any) -> None:
    headers = [(b"x-serve-refused", b"1"), (b"content-length", b"8")]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": b"draining"})


async def zero_refuses(seen: Seen, receive: Any, send: Any) -> None:
    """The first replica drains, the others answer."""
    if seen.replica == "b#0":
        await refuse(send)
    else:
        await echo(seen, receive, send)


def statuses(handler: Any, data: bytes, times: int, **options: Any) -> tuple[list[int], list[Seen]]:
    async def play() -> tuple[list[int], list[Seen]]:
        async with stage(handler, **options) as made:
            found = [(await ask(made, data)).status for _ in range(times)]
            assert made.in_flight() == 0
            return found, made.seen

    return asyncio.run(play())


@pytest.mark.parametrize("data", [request("GET"), request("POST"), request("POST", BODY)])
def test_a_refused_request_is_answered_by_another_replica_whatever_its_method(data: bytes):
    found, seen = statuses(zero_refuses, data, 4, replicas=2)
    assert found == [200] * 4
    answered = [one for one in seen if one.replica == "b#1"]
    assert all(one.body == data.partition(b"\r\n\r\n")[2] for one in answered)


def test_a_refused_body_that_was_too_long_to_keep_is_503():
    async def none_left(seen: Seen, receive: Any, send: Any) -> None:
        await receive()
        await refuse(send)

    found, seen = statuses(none_left, request("POST", b"x" * 300_000), 1, replicas=2)
    assert (found, len(seen)) == ([503], 1)


def test_when_all_refuse_the_client_is_told_to_come_back():
    async def play() -> None:
        async def all_refuse(seen: Seen, receive: Any, send: Any) -> None:
            await refuse(send)

        async with stage(all_refuse) as made:
            response = await ask(made, request("GET"))
            assert (response.status, response.get("retry-after"), len(made.seen)) == (503, "1", 3)

    asyncio.run(play())


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_a_replica_that_cannot_be_reached_is_left_out_at_once(method: str):
    async def play() -> None:
        async with stage(replicas=2) as made:
            made.kill("b#0")
            for _ in range(6):
                assert (await ask(made, request(method, b"hi"))).status == 200
            assert {one.replica for one in made.seen} == {"b#1"}

    asyncio.run(play())


def dying(made: list[Stage]) -> Any:
    async def handler(seen: Seen, receive: Any, send: Any) -> None:
        if seen.replica == "b#0":
            made[0].kill("b#0")
            await asyncio.sleep(5)
        await echo(seen, receive, send)

    return handler


@pytest.mark.parametrize(("method", "status"), [("GET", 200), ("OPTIONS", 200), ("POST", 500), ("PUT", 500)])
def test_only_safe_methods_run_again_when_their_replica_dies(method: str, status: int):
    async def play() -> None:
        made: list[Stage] = []
        async with stage(dying(made), replicas=2) as one:
            made.append(one)
            found = [(await ask(one, request(method, target="/p"))).status for _ in range(2)]
            assert sorted(found) == sorted([200, status])
            assert one.in_flight() == 0

    asyncio.run(play())


def test_without_any_replica_the_deadline_decides():
    async def play() -> None:
        loop = asyncio.get_running_loop()
        deadlines, call_at = [], loop.call_at

        def noting(when: float, callback: Any, *args: Any, **options: Any) -> asyncio.TimerHandle:
            if callback.__module__ == waiting.__name__:
                deadlines.append((when, callback, args))
            return call_at(when, callback, *args, **options)

        loop.call_at = noting
        async with stage(queue_timeout_s=100) as made:
            made.kill("b#0")
            begun = loop.time()
            answer = asyncio.ensure_future(ask(made, request("POST")))
            await made.until(lambda: bool(deadlines))
            ((when, give_up, args),) = deadlines
            assert begun <= when - 100 <= loop.time()
            assert (made.router.slots("b").waiting, answer.done()) == (1, False)
            give_up(*args)
            response = await answer
            assert (response.status, response.get("retry-after")) == (503, "1")
            assert b"DeadlineError" in response.body

    asyncio.run(play())


def test_a_replacement_answers_those_who_wait():
    async def play() -> None:
        async with stage(replicas=2) as made:
            one, two = (made.router.slots("b").take() for _ in range(2))
            for replica in (one, two):
                made.router.slots("b").give_back(replica.tag)
            first, second = sorted((one, two), key=lambda replica: replica.tag)
            made.router.apply(Update("epoch", 2, False, {}, {"b": BackendView("b", 9, (first,))}))
            made.kill(first.tag)
            waiting = asyncio.ensure_future(ask(made, request("POST")))
            await made.until(lambda: made.router.slots("b").waiting == 1)
            made.router.apply(Update("epoch", 3, False, {}, {"b": BackendView("b", 9, (second,))}))
            assert (await waiting).status == 200

    asyncio.run(play())


def test_a_full_queue_is_503_at_once():
    async def play() -> None:
        go = asyncio.Event()

        async def waits(seen: Seen, receive: Any, send: Any) -> None:
            await go.wait()
            await echo(seen, receive, send)

        async with stage(waits, limit=1, max_queued_requests=2) as made:
            waiting = [asyncio.ensure_future(ask(made, request("GET"))) for _ in range(3)]
            await made.until(lambda: made.router.slots("b").waiting == 2)
            refused = await asyncio.wait_for(ask(made, request("GET")), 0.5)
            assert (refused.status, refused.get("retry-after")) == (503, "1")
            go.set()
            assert [answer.status for answer in await asyncio.gather(*waiting)] == [200] * 3

    asyncio.run(play())


def test_a_replica_never_gets_more_than_its_limit():
    async def play() -> None:
        now = most = 0

        async def counts(seen: Seen, receive: Any, send: Any) -> None:
            nonlocal now, most
            now += 1
            most = max(most, now)
            await asyncio.sleep(0.001)
            now -= 1
            await echo(seen, receive, send)

        async with stage(counts, limit=3) as made:
            answers = await asyncio.gather(*(ask(made, request("GET")) for _ in range(60)))
            assert all(answer.status == 200 for answer in answers)
            assert most == 3

    asyncio.run(play())


def test_a_deleted_backend_tells_those_who_wait():
    async def play() -> None:
        async with stage(limit=0) as made:
            waiting = asyncio.ensure_future(ask(made, request("GET")))
            await made.until(lambda: made.router.slots("b").waiting == 1)
            made.router.apply(Update("epoch", 2, False, {}, {"b": None}))
            answer = await waiting
            assert answer.status == 500
            assert b"BackendDeletedError" in answer.body

    asyncio.run(play())
