"""legacy.ingress.waiting: waiting for a slot, giving up, and never losing one."""

from __future__ import annotations

import asyncio

import pytest

from legacy.errors import BackendDeletedError, DeadlineError, QueueFullError
from legacy.ingress.waiting import wait_for_slot
from legacy.records import BackendView, ReplicaAddress
from legacy.traffic.slots import Slots

VIEW = BackendView("b", 1, (ReplicaAddress("b#0", "b", "n", 1, "/s"),))


def full(max_waiting: int = 9) -> Slots:
    slots = Slots("b", max_waiting)
    slots.update(VIEW)
    assert slots.take() is not None
    return slots


def test_the_first_who_waits_gets_the_slot():
    async def play() -> None:
        slots = full()
        waiting = [asyncio.ensure_future(wait_for_slot(slots, None)) for _ in range(2)]
        await asyncio.sleep(0)
        slots.give_back("b#0")
        assert (await waiting[0]).tag == "b#0"
        assert not waiting[1].done()
        slots.give_back("b#0")
        await waiting[1]

    asyncio.run(play())


def test_the_deadline_is_named():
    async def play() -> None:
        slots = full()
        with pytest.raises(DeadlineError, match=r"0\.05 s"):
            await wait_for_slot(slots, asyncio.get_running_loop().time() + 0.05)
        assert (slots.waiting, slots.total_in_flight) == (0, 1)

    asyncio.run(play())


@pytest.mark.parametrize("granted", [False, True])
def test_who_is_cancelled_keeps_no_slot(granted: bool):
    async def play() -> None:
        slots = full()
        waiting = asyncio.ensure_future(wait_for_slot(slots, None))
        await asyncio.sleep(0)
        if granted:
            slots.give_back("b#0")
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert slots.total_in_flight == (0 if granted else 1)
        assert slots.waiting == 0

    asyncio.run(play())


def test_a_full_queue_and_a_deleted_backend_are_told():
    async def play() -> None:
        slots = full(max_waiting=1)
        waiting = asyncio.ensure_future(wait_for_slot(slots, None))
        await asyncio.sleep(0)
        with pytest.raises(QueueFullError):
            await wait_for_slot(slots, None)
        slots.update(None)
        with pytest.raises(BackendDeletedError):
            await waiting

    asyncio.run(play())
