"""A proxy that cannot open a connection to a replica because it has no descriptors left."""

from __future__ import annotations

import asyncio
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.http.stage import stage
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
