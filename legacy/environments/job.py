"""One piece of work on an environment: says how far it is, and stops when it takes too long."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from legacy.errors import EnvironmentFailedError

TELL_EVERY_S = 0.2
POLL_S = 0.05


class Job:
    """The progress and the deadline of what happens to one environment. Made for one working thread.

    Args:
        label: the environment's name in messages.
        timeout_s: how long each step may take, in seconds.
        tell: gets "packing 40%" and the like, from the working thread, a few times a second at most.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        label: str,
        timeout_s: float,
        tell: Callable[[str], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.label = label
        self._timeout_s = timeout_s
        self._tell = tell
        self._clock = clock
        self._what = ""
        self._began = clock()
        self._told_at = float("-inf")
        self._cancelled = threading.Event()

    def step(self, what: str, done: float | None = None) -> None:
        """Say what is being done. Another `what` than before begins a new step, whose time counts from now.

        Args:
            done: the share that is done, 0 to 1.

        Raises:
            EnvironmentFailedError: the step's time is up, or the work was cancelled.
        """
        now = self._clock()
        if what != self._what:
            self._what, self._began, self._told_at = what, now, float("-inf")
        self._check(now)
        if self._tell is not None and now - self._told_at >= TELL_EVERY_S:
            self._told_at = now
            self._tell(what if done is None else f"{what} {int(100 * done)}%")

    def left(self) -> float:
        """Seconds left for the current step; never negative."""
        return max(0.0, self._began + self._timeout_s - self._clock())

    def wait(self) -> None:
        """Sleep before looking again for what another process does; ends early on cancel(). Errors as `step`."""
        self._check(self._clock())
        self._cancelled.wait(POLL_S)

    def cancel(self) -> None:
        """Let the work end with an error at its next step; from any thread."""
        self._cancelled.set()

    def _check(self, now: float) -> None:
        if self._cancelled.is_set():
            raise EnvironmentFailedError(f"environment {self.label}: {self._what} was cancelled")
        if now - self._began > self._timeout_s:
            raise EnvironmentFailedError(
                f"environment {self.label}: {self._what} took longer than {self._timeout_s:g} s; "
                "give it more time with SERVE_COMPAT_ENVIRONMENT_TIMEOUT_S"
            )
