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
from typing import Any, Generic, NamedTuple, TypeVar, cast

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


class _Drive(Generic[Result]):
    """One piece of work with its deadline: `forward` goes to its next pause, `tell` says how the pause went wrong."""

    def __init__(self, work: Work[Result], timeout_s: float) -> None:
        self._work = work
        self._deadline = time.monotonic() + timeout_s
        self._error: BaseException | None = None
        self.result: Result | None = None

    def forward(self) -> Pause | None:
        """The pause the work has come to, or None when it is done and `result` is there."""
        error, self._error = self._error, None
        try:
            return self._work.throw(error) if error else next(self._work)
        except StopIteration as over:
            self.result = over.value
            return None

    def left(self, pause: Pause) -> float:
        """Seconds this pause may still last."""
        left = max(0.0, self._deadline - time.monotonic())
        return left if pause.limit_s is None else min(left, pause.limit_s)

    def tell(self, error: BaseException, pause: Pause) -> None:
        """The pause ended with an error: the work gets its own message when it is too late."""
        # before Python 3.11 these are three different classes
        if isinstance(error, (TimeoutError, FutureTimeoutError, asyncio.TimeoutError)):
            self._error = pause.until.exception() if pause.until.done() else pause.too_late
        else:
            self._error = error


def run(work: Work[Result], timeout_s: float) -> Result:
    """Do the work, blocking this thread for `timeout_s` seconds at most."""
    drive = _Drive(work, timeout_s)
    while (pause := drive.forward()) is not None:
        try:
            pause.until.result(drive.left(pause))
        except BaseException as error:  # the work cleans up after itself, also on KeyboardInterrupt
            drive.tell(error, pause)
    return cast("Result", drive.result)


async def run_async(work: Work[Result], timeout_s: float) -> Result:
    """Do the work, letting other tasks of this loop run, for `timeout_s` seconds at most."""
    drive = _Drive(work, timeout_s)
    while (pause := drive.forward()) is not None:
        try:
            # shielded: the future may be shared with other callers, whom our cancellation must not reach
            await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(pause.until)), drive.left(pause))
        except BaseException as error:  # the work cleans up after itself, also when this task is cancelled
            drive.tell(error, pause)
    return cast("Result", drive.result)
