"""Whether user code will ever go on: watches the user loop from the actor's loop, which user code cannot block."""

from __future__ import annotations

import asyncio
import os
import time
import traceback
from types import FrameType

from legacy import cluster
from legacy.endless import go_on
from legacy.logs import logger
from legacy.replica.deadlock import Stillness, Threads
from legacy.replica.user_loop import UserLoop

LOOK_S = 1.0
SUSPICIOUS_S = 2.0  # a loop that has been silent for so long is looked at closely

ENDED = "the event loop of user code has ended: user code closed it"


class Liveness:
    """Watches one user loop. Make and use it on the actor's loop, before user code is loaded.

    Attributes:
        lost: done when user code will never go on; the text says why.
    """

    def __init__(self, user: UserLoop) -> None:
        loop = asyncio.get_running_loop()
        self.lost: asyncio.Future[str] = loop.create_future()
        self._user = user
        self._threads = Threads(user.thread)
        self._stillness = Stillness()
        if not self._threads.can_be_seen():
            logger.warning("deadlocks of user code are not found here: the kernel does not tell what threads wait for")
        self._watching = loop.create_task(go_on("the look for deadlocks", self._watch, LOOK_S))

    def stop(self) -> None:
        """Watch no longer."""
        self._watching.cancel()

    async def _watch(self) -> None:
        while not self.lost.done():
            await asyncio.sleep(LOOK_S)
            why = self._look(time.monotonic())
            if why and not self.lost.done():
                self.lost.set_result(why)

    def _look(self, now: float) -> str:
        if not self._user.thread.is_alive():
            return ENDED
        if self._user.beat(now) < SUSPICIOUS_S:
            return ""
        # The last question is the dearest: a future that Ray is to fulfil is not among the threads.
        if not self._stillness.is_deadlock(self._threads.look(), now) or cluster.owes_a_future():
            return ""
        frame = self._user.frame()
        logger.error("user code is in a deadlock:\n%s", "".join(traceback.format_stack(frame)))
        return f"user code is in a deadlock: {_place(frame)} waits for a lock that no thread will release"


def _place(frame: FrameType | None) -> str:
    """The innermost line that is not the standard library's, where locks are wrapped in futures and queues."""
    library = os.path.dirname(os.__file__) + os.sep
    while frame is not None:
        file = frame.f_code.co_filename
        if not file.startswith(library) or "-packages" in file:
            return f"{frame.f_code.co_name} ({file}:{frame.f_lineno})"
        frame = frame.f_back
    return "it"
