"""A proxy or replica that has no descriptors left, or only those that are kept back."""

from __future__ import annotations

import asyncio
import os
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from legacy.http import listener
from tests.http.stage import ANOTHER_NODE, stage
from tests.http.wire import read_response


@contextmanager
def no_descriptors() -> Iterator[None]:
    """This process cannot open another file."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(map(int, os.listdir("/proc/self/fd"))), before[1]))
    filler = []
    try:
        while True:
            filler.append(os.dup(0))
    except OSError:
        yield
    finally:
        for descriptor in filler:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.fixture
def none_to_give(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """When called: no connection is let in any more."""
    return lambda: monkeypatch.setattr(listener, "limit", lambda: 0)


@pytest.mark.parametrize("method", [b"GET", b"POST"])
def test_it_tries_again_with_pauses_until_the_deadline_and_says_so_seldom(
    method: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async def play() -> None:
        loop = asyncio.get_running_loop()
        async with stage(queue_timeout_s=1.0) as made:
            reader, writer = await made.connect()
            await made.until(lambda: made.clients == 1)
            with no_descriptors():
                begun, burnt = loop.time(), os.times().user
                writer.write(method + b" /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
                answer = await asyncio.wait_for(read_response(reader), 5)
            assert answer is not None
            assert answer.status == 503
            assert answer.get("retry-after")
            assert loop.time() - begun < 2.0
            assert os.times().user - burnt < 0.5
            assert len(caplog.records) <= 10
            assert (await made.get()).startswith(b"HTTP/1.1 200")

    asyncio.run(play())


def test_a_client_for_whom_there_is_none_is_told_to_come_back_and_others_stay(none_to_give: Callable[[], None]) -> None:
    async def play() -> None:
        async with stage() as made:
            reader, writer = await made.connect()
            for _ in range(2):
                writer.write(b"GET /echo HTTP/1.1\r\nHost: x\r\n\r\n")
                answer = await asyncio.wait_for(read_response(reader), 5)
                assert answer is not None
                assert answer.status == 200
                none_to_give()
            refused = await made.get()
            assert refused.startswith(b"HTTP/1.1 503 ")
            assert b"\r\nretry-after: 1\r\n" in refused

    asyncio.run(play())


def test_all_of_many_who_are_turned_away_are_told_so(none_to_give: Callable[[], None]) -> None:
    async def play() -> None:
        async with stage() as made:
            none_to_give()
            clients = [await made.connect() for _ in range(20)]
            for _, writer in clients:
                writer.write(b"GET /echo HTTP/1.1\r\nHost: x\r\n\r\n")
            for reader, _ in clients:  # none of them closes its side
                assert (await asyncio.wait_for(reader.read(), 5)).startswith(b"HTTP/1.1 503 ")
            assert made.clients == 0

    asyncio.run(play())


@pytest.mark.parametrize("method", [b"GET", b"POST"])
def test_a_replica_that_has_none_refuses_unread_and_the_client_is_told_to_come_back(
    none_to_give: Callable[[], None], method: bytes
) -> None:
    async def play() -> None:
        async with stage(node=ANOTHER_NODE) as made:
            reader, writer = await made.connect()
            await made.until(lambda: made.clients == 1)
            none_to_give()
            writer.write(method + b" /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
            answer = await asyncio.wait_for(read_response(reader), 5)
            assert answer is not None
            assert answer.status == 503
            assert answer.get("retry-after")
            assert made.seen == []

    asyncio.run(play())


def test_idle_connections_to_other_replicas_make_room_for_the_one_that_is_wanted() -> None:
    async def play() -> None:
        async with stage(replicas=2) as made:
            reader, writer = await made.connect()
            for _ in range(2):  # one idle connection to each replica
                writer.write(b"GET /echo HTTP/1.1\r\nHost: x\r\n\r\n")
                assert await asyncio.wait_for(read_response(reader), 5) is not None
            wanted = made.router.slots("b").take()
            assert wanted is not None
            made.pool.take(wanted.tag)
            with no_descriptors():
                upstream = await made.pool.connect(wanted)
            assert made.pool.size() == 2
            upstream.abort()

    asyncio.run(play())
