"""The one thread on which all user code of a replica runs, with an event loop of its own.

A handler that blocks then stops neither health checks nor draining, which live on the actor's loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
from collections.abc import Callable, Coroutine
from types import FrameType
from typing import Any

import uvloop

from legacy.errors import RayServeException
from legacy.logs import logger


class UserLoop:
    """An event loop in a daemon thread.

    Attributes:
        thread: ends when user code has closed the loop, which nothing can mend.
    """

    def __init__(self) -> None:
        self.loop = uvloop.new_event_loop()
        self._asked: float | None = None
        self.thread = threading.Thread(target=self._run, name="serve-user-code", daemon=True)
        self.thread.start()

    async def run(self, function: Callable[..., Coroutine[Any, Any, Any]], *args: Any) -> Any:
        """Await `function(*args)` on the user loop, from another loop. Cancelling the wait cancels the work."""
        home = asyncio.get_running_loop()
        crossing = _Crossing(home, function, args)
        self.loop.call_soon_threadsafe(crossing.begin)
        try:
            return await crossing.outcome
        except asyncio.CancelledError:
            self.loop.call_soon_threadsafe(crossing.cancel)
            raise

    def beat(self, now: float) -> float:
        """Ask the loop for a sign of life, unless it owes one; gives the seconds for which it has owed one."""
        asked = self._asked  # the loop's thread may forget it any time
        if asked is not None:
            return now - asked
        self._asked = now
        with contextlib.suppress(RuntimeError):  # user code has closed the loop
            self.loop.call_soon_threadsafe(self._answer)
        return 0.0

    async def is_free(self, within_s: float) -> bool:
        """Whether the loop does something else than what user code does on it now, soon enough."""
        try:
            await asyncio.wait_for(self.run(asyncio.sleep, 0), within_s)
        except asyncio.TimeoutError:
            return False
        return True

    def frame(self) -> FrameType | None:
        """What the thread is doing right now."""
        return sys._current_frames().get(self.thread.ident or 0)

    def _answer(self) -> None:
        self._asked = None

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        stopped = False
        while not self.loop.is_closed():
            try:
                self.loop.run_forever()
                if not stopped:
                    logger.error("user code stopped the event loop of its replica, which runs on")
                stopped = True
            except (SystemExit, KeyboardInterrupt) as error:
                # A task that user code started raised it: asyncio lets these two through, and the loop must go on.
                logger.error("%s raised in a background task of a replica is ignored", type(error).__name__)


async def contained(function: Callable[..., Coroutine[Any, Any, Any]], *args: Any) -> Any:
    """Run user code so that SystemExit and KeyboardInterrupt end neither the loop nor the process."""
    try:
        return await function(*args)
    except (SystemExit, KeyboardInterrupt) as error:
        raise RayServeException(f"user code raised {error!r}") from error


class _Crossing:
    """One piece of work that runs on the user loop for somebody on the home loop."""

    __slots__ = ("_args", "_cancelled", "_function", "_home", "_task", "outcome")

    def __init__(
        self, home: asyncio.AbstractEventLoop, function: Callable[..., Coroutine[Any, Any, Any]], args: tuple[Any, ...]
    ) -> None:
        self.outcome: asyncio.Future[Any] = home.create_future()
        self._home = home
        self._function = function
        self._args = args
        self._task: asyncio.Task[Any] | None = None
        self._cancelled = False

    def begin(self) -> None:
        if self._cancelled:
            return
        self._task = asyncio.get_running_loop().create_task(self._function(*self._args))
        self._task.add_done_callback(self._over)

    def cancel(self) -> None:
        self._cancelled = True
        if self._task is not None:
            self._task.cancel()

    def _over(self, task: asyncio.Task[Any]) -> None:
        with contextlib.suppress(RuntimeError):  # the home loop is closed: the process ends and nobody waits
            self._home.call_soon_threadsafe(self._tell, task)

    def _tell(self, task: asyncio.Task[Any]) -> None:
        if self.outcome.done():
            # Read it, or asyncio logs "exception was never retrieved" for a call that was cancelled.
            _ = task.cancelled() or task.exception()
        elif task.cancelled():
            self.outcome.set_exception(RayServeException("the handler ended by raising CancelledError"))
        elif (error := task.exception()) is not None:
            self.outcome.set_exception(error)
        else:
            self.outcome.set_result(task.result())
