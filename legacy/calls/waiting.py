"""Work that may have to wait, written once for callers that block and for callers that await.

Such work is a generator. It yields a Pause when it cannot go on, is resumed when the pause's future is done, gets an
exception thrown in when the deadline passes or the caller is cancelled, and returns its result.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Generator
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any, NamedTuple, TypeVar

from legacy.errors import RayServeException

Result = TypeVar("Result")


class Pause(NamedTuple):
    """Why the work cannot go on.

    Attributes:
        until: done when the work can go on; its exception, if any, is thrown into the work.
        limit_s: seconds this pause may last; None leaves it to the caller's deadline.
        too_late: what the work raises when it lasted longer.
    """

    until: Future[Any]
    limit_s: float | None
    too_late: RayServeException


Work = Generator[Pause, None, Result]


def run(work: Work[Result], timeout_s: float) -> Result:
    """Do the work, blocking this thread for `timeout_s` seconds at most."""
    deadline = time.monotonic() + timeout_s
    error: BaseException | None = None
    while True:
        try:
            pause = work.throw(error) if error else next(work)
        except StopIteration as over:
            return over.value
        error = None
        try:
            pause.until.result(_left(pause, deadline))
        except BaseException as caught:  # the work cleans up after itself, also on KeyboardInterrupt
            error = _told(caught, pause)


async def run_async(work: Work[Result], timeout_s: float) -> Result:
    """Do the work, letting other tasks of this loop run, for `timeout_s` seconds at most."""
    deadline = time.monotonic() + timeout_s
    error: BaseException | None = None
    while True:
        try:
            pause = work.throw(error) if error else next(work)
        except StopIteration as over:
            return over.value
        error = None
        try:
            # shielded: the future may be shared with other callers, whom our cancellation must not reach
            await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(pause.until)), _left(pause, deadline))
        except BaseException as caught:  # the work cleans up after itself, also when this task is cancelled
            error = _told(caught, pause)


def _left(pause: Pause, deadline: float) -> float:
    left = max(0.0, deadline - time.monotonic())
    return left if pause.limit_s is None else min(left, pause.limit_s)


def _told(error: BaseException, pause: Pause) -> BaseException | None:
    """What the work is told: its own message when it is too late, nothing when it may go on after all."""
    # before Python 3.11 these are three different classes
    if not isinstance(error, (TimeoutError, FutureTimeoutError, asyncio.TimeoutError)):
        return error
    return pause.until.exception() if pause.until.done() else pause.too_late
