"""Shadow calls of handles: sent by the router's own thread, never awaited, dropped rather than piled up."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future

from legacy.calls.channel import Call, Lane, SlotWaiter
from legacy.constants import MAX_COPIES
from legacy.errors import BackendDeletedError, QueueFullError
from legacy.records import ReplicaAddress

logger = logging.getLogger("ray.serve")


class Copies:
    """Sends copies of calls to shadow backends. Used on one loop only.

    Args:
        loop: the router's.
        may_send: whether the Ray session goes on.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, may_send: Callable[[], bool]) -> None:
        self.dropped: Counter[str] = Counter()
        self._loop = loop
        self._may_send = may_send
        self._queued: Counter[str] = Counter()

    def send(self, lane: Lane, call: Call) -> None:
        """Send a copy as soon as the shadow backend has a free place."""
        if not self._may_send():
            return
        tag = lane.slots.tag
        replica = lane.take()
        if replica is not None:
            self._send(lane, replica, call)
        elif self._queued[tag] >= MAX_COPIES:
            self.dropped[tag] += 1
        else:
            self._queue(lane, call)

    def _queue(self, lane: Lane, call: Call) -> None:
        waiter = SlotWaiter()
        self._queued[lane.slots.tag] += 1

        def granted(future: Future[ReplicaAddress]) -> None:
            self._loop.call_soon_threadsafe(self._go_on, lane, future, call)

        waiter.granted.add_done_callback(granted)
        try:
            lane.slots.wait(waiter)
            lane.watch()
        except (QueueFullError, BackendDeletedError) as error:
            waiter.fail(error)

    def _go_on(self, lane: Lane, future: Future[ReplicaAddress], call: Call) -> None:
        self._queued[lane.slots.tag] -= 1
        if future.exception() is None and self._may_send():
            self._send(lane, future.result(), call)
        else:
            self.dropped[lane.slots.tag] += 1

    def _send(self, lane: Lane, replica: ReplicaAddress, call: Call) -> None:
        try:
            lane.send(replica, call, silent=True)
        except Exception:  # a shadow's trouble is never the caller's
            logger.debug("a shadow call to backend %r was not sent", lane.slots.tag, exc_info=True)
            self.dropped[lane.slots.tag] += 1
