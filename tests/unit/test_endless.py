"""legacy.endless: what lives as long as its process is not ended by an error."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from legacy.endless import go_on


def failing(times: int, done: list[int]) -> Callable[[], Awaitable[None]]:
    async def work() -> None:
        done.append(len(done))
        if len(done) <= times:
            raise OSError("no more files")

    return work


def test_work_that_failed_is_logged_with_its_place_and_done_again(caplog: pytest.LogCaptureFixture):
    done: list[int] = []
    asyncio.run(go_on("the look at files", failing(3, done), 0.001))
    assert len(done) == 4
    (record,) = caplog.records  # three within a second
    assert record.getMessage().startswith("the look at files failed and goes on: Traceback")
    assert "OSError: no more files" in record.getMessage()
    assert "in work" in record.getMessage()


def test_who_cancels_it_ends_it():
    async def play() -> None:
        task = asyncio.ensure_future(go_on("a wait", asyncio.Event().wait, 0.001))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(play())
