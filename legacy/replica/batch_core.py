"""When a batch is ready and what its handler must give back: pure, time is an argument."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Set
from typing import Any, Generic, TypeVar

from legacy.errors import RayServeException

Item = TypeVar("Item")


class BatchCore(Generic[Item]):
    """The waiting items of one batch queue.

    Args:
        max_size: no batch is longer.
        wait_s: seconds the oldest item waits for the batch to fill up; 0 takes whatever is there.
        at_once: how many batches may run at the same time; None is no limit.
    """

    def __init__(self, max_size: int, wait_s: float, at_once: int | None = None) -> None:
        self.max_size = max_size
        self.wait_s = wait_s
        self._at_once = at_once
        self._running = 0
        self._waiting: deque[tuple[float, Item]] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, item: Item, now: float) -> None:
        """Queue an item that arrives at `now` (seconds)."""
        self._waiting.append((now, item))

    def discard(self, item: Item) -> None:
        """Forget an item whose caller gave up; one that is not waiting any more is fine."""
        self._waiting = deque(pair for pair in self._waiting if pair[1] is not item)

    def take(self, now: float) -> list[Item]:
        """The next batch, oldest first, or [] when none is due. Call `finished` when it has run."""
        if not self._waiting or not self._may_run() or not self._is_due(now):
            return []
        self._running += 1
        size = min(self.max_size, len(self._waiting))
        return [self._waiting.popleft()[1] for _ in range(size)]

    def finished(self) -> None:
        """A batch that `take` gave is over."""
        self._running -= 1

    def look_again_at(self) -> float | None:
        """When the next batch is due if nothing else happens; None when only another event can make one."""
        if not self._waiting or not self._may_run():
            return None
        return self._waiting[0][0] + self.wait_s

    def _may_run(self) -> bool:
        return self._at_once is None or self._running < self._at_once

    def _is_due(self, now: float) -> bool:
        return len(self._waiting) >= self.max_size or now >= self._waiting[0][0] + self.wait_s


def answers(result: Any, expected: int, handler: str) -> list[Any]:
    """The single answers in what a batch handler returned.

    Any ordered iterable will do: list, tuple, generator, numpy array, str (Ray 0.8-1.3).

    Raises:
        RayServeException: not an ordered iterable, or not as many answers as there were requests.
    """
    if not isinstance(result, Iterable) or isinstance(result, (Mapping, Set)):
        kind = type(result).__name__
        raise RayServeException(f"{handler} handles batches and must return a list of answers in order, not {kind}")
    found = list(result)
    if len(found) != expected:
        text = f"{handler} was given {expected} requests and returned {len(found)} answers; give one answer per request"
        raise RayServeException(text)
    return found
