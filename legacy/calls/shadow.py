"""Shadow calls of handles: sent by the router's own thread, never awaited, dropped rather than piled up."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future

from legacy.calls.channel import Call, Channel, SlotWaiter
from legacy.constants import MAX_SHADOWS
from legacy.errors import BackendDeletedError, QueueFullError
from legacy.logs import logger
from legacy.records import ReplicaAddress


class Shadows:
    """Sends shadow calls. Used on one loop only.

    Args:
        loop: the router's.
        may_send: whether the Ray session goes on.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, may_send: Callable[[], bool]) -> None:
        self.dropped: Counter[str] = Counter()
        self._loop = loop
        self._may_send = may_send
        self._queued: Counter[str] = Counter()

    def send(self, channel: Channel, call: Call) -> None:
        """Send a call to its shadow backend as soon as that has a free slot."""
        if not self._may_send():
            return
        tag = channel.slots.tag
        replica = channel.take()
        if replica is not None:
            self._send(channel, replica, call)
        elif self._queued[tag] >= MAX_SHADOWS:
            self.dropped[tag] += 1
        else:
            self._queue(channel, call)

    def _queue(self, channel: Channel, call: Call) -> None:
        waiter = SlotWaiter()
        self._queued[channel.slots.tag] += 1

        def granted(future: Future[ReplicaAddress]) -> None:
            with contextlib.suppress(RuntimeError):  # the router has ended, and its loop with it
                self._loop.call_soon_threadsafe(self._go_on, channel, future, call)

        waiter.granted.add_done_callback(granted)
        try:
            channel.slots.wait(waiter)
            channel.watch()
        except (QueueFullError, BackendDeletedError) as error:
            waiter.fail(error)

    def _go_on(self, channel: Channel, future: Future[ReplicaAddress], call: Call) -> None:
        self._queued[channel.slots.tag] -= 1
        if future.exception() is None and self._may_send():
            self._send(channel, future.result(), call)
        else:
            self.dropped[channel.slots.tag] += 1

    def _send(self, channel: Channel, replica: ReplicaAddress, call: Call) -> None:
        try:
            channel.send(replica, call, silent=True)
        except Exception:  # a shadow's trouble is never the caller's
            logger.debug("a shadow call to backend %r was not sent", channel.slots.tag, exc_info=True)
            self.dropped[channel.slots.tag] += 1
