"""Waiting for a free slot at a replica, on an asyncio loop."""

from __future__ import annotations

import asyncio

from legacy.errors import DeadlineError
from legacy.records import ReplicaAddress
from legacy.traffic.slots import Slots


class _Waiter:
    """One request in the queue of a backend (`legacy.traffic.slots.Waiter`)."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.slot: asyncio.Future[ReplicaAddress] = loop.create_future()

    def grant(self, replica: ReplicaAddress) -> bool:
        if self.slot.done():
            return False
        self.slot.set_result(replica)
        return True

    def fail(self, error: Exception) -> None:
        if not self.slot.done():
            self.slot.set_exception(error)


async def wait_for_slot(slots: Slots, deadline: float | None) -> ReplicaAddress:
    """Queue for a slot; call it on the one loop that also applies updates and gives slots back.

    Args:
        deadline: loop time after which to give up; None waits as long as the backend exists.

    Raises:
        QueueFullError: too many wait already.
        DeadlineError: no slot became free in time.
        BackendDeletedError: the backend is gone.
    """
    loop = asyncio.get_running_loop()
    waiter = _Waiter(loop)
    begun = loop.time()
    slots.wait(waiter)
    # most waiters get their slot: the error is made only for those that do not
    timer = None if deadline is None else loop.call_at(deadline, _give_up, waiter, slots.tag, deadline - begun)
    try:
        return await waiter.slot
    except BaseException:  # cancelled or late: a slot that was granted in the same moment must not get lost
        if not slots.withdraw(waiter) and _was_granted(waiter.slot):
            slots.give_back(waiter.slot.result().tag)
        raise
    finally:
        if timer is not None:
            timer.cancel()
        del waiter  # it keeps its error, which keeps this frame


def _give_up(waiter: _Waiter, tag: str, waited_s: float) -> None:
    waiter.fail(
        DeadlineError(
            f"no replica of backend {tag!r} was free for {max(0.0, waited_s):.3g} s; try again later, or "
            "raise num_replicas or max_concurrent_queries"
        )
    )


def _was_granted(slot: asyncio.Future[ReplicaAddress]) -> bool:
    return slot.done() and not slot.cancelled() and slot.exception() is None
