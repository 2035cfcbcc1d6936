"""A time that does not pass by itself, or not only, so that a busy machine changes no outcome."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any


class _Jumping(selectors.DefaultSelector):
    """Instead of waiting for a timer it goes on to its time."""

    now = 0.0

    def select(self, timeout=None):
        ready = super().select(0)
        if not ready and timeout:
            self.now += timeout
        return ready


class JumpingLoop(asyncio.SelectorEventLoop):
    """Its time only jumps from one timer to the next. For what lies within one process: nothing is waited for."""

    def __init__(self):
        self._clock = _Jumping()
        super().__init__(self._clock)

    def time(self):
        return self._clock.now


def run_jumping(main: Coroutine[Any, Any, Any]) -> Any:
    """As `asyncio.run`, on a JumpingLoop."""
    loop = JumpingLoop()
    try:
        return loop.run_until_complete(main)
    finally:
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()


class Ahead:
    """Lets the running loop's time go on faster than by itself, for who asks for it. For what goes over sockets.

    With limits of minutes, of which the test lets some pass at once, it does not matter how busy the machine is. Timers
    are uvloop's own and do not notice: where one matters the test looks itself.
    """

    def __init__(self):
        loop = asyncio.get_running_loop()
        self._real, self._ahead = loop.time, 0.0
        loop.time = self._time

    def go_on(self, seconds: float) -> float:
        """So many seconds are over; gives the loop's time."""
        self._ahead += seconds
        return self._time()

    def _time(self):
        return self._real() + self._ahead
