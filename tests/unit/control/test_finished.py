"""A replica is stopped when no call to it is on its way or running any more, not before, whatever polls get lost."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from legacy.control import publish
from legacy.control.publish import Publisher
from legacy.records import BackendView, Poll, ReplicaAddress, Update
from legacy.traffic import watcher
from legacy.traffic.router import Router


def view(replica: str) -> BackendView:
    return BackendView("b", 99, (ReplicaAddress(replica, "b", "n", 1, "/s"),))


class Caller:
    """A process with calls to r1 that are not over."""

    def __init__(self, publisher: Publisher, name: str, calls: int, losses: list[str]) -> None:
        self.router, self.calls, self.name = Router(10), calls, name
        self._publisher, self._losses, self.gone = publisher, losses, False
        self.task = asyncio.ensure_future(watcher.follow(self._fetch, self.router, name, "handle"))

    async def _fetch(self, poll: Poll) -> Update:
        if self.gone:
            raise asyncio.CancelledError
        lost = self._losses.pop(0) if self._losses and self.router.version else ""
        if lost == "poll":
            raise OSError("the poll got lost")
        news = await self._publisher.watch(poll, 10)
        if lost == "answer":
            raise OSError("the answer got lost")
        return news

    async def begin(self) -> None:
        await until(lambda: self.router.version == 1)
        for _ in range(self.calls):
            assert self.router.slots("b").take()

    def end_a_call(self, leaves: bool) -> None:
        """It has arrived and is over, or has failed on the way: who called sees no difference. Or the process ends."""
        if leaves:
            self.calls, self.gone = 0, True
            self.task.cancel()
            self._publisher.leave(self.name)
        elif self.calls:
            self.calls -= 1
            self.router.slots("b").give_back("r1")


async def until(condition) -> None:
    while not condition():
        await asyncio.sleep(0)


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    monkeypatch.setattr(publish, "FIRST_LOOK_S", 0.0001)
    monkeypatch.setattr(publish, "LAST_LOOK_S", 0.001)
    monkeypatch.setattr(watcher, "FIRST_PAUSE_S", 0.0001)
    monkeypatch.setattr(watcher, "LONGEST_PAUSE_S", 0.001)


LOST = st.lists(st.sampled_from(["", "poll", "answer"]), max_size=5)
STEPS = st.tuples(st.integers(0, 2), st.sampled_from([False, False, False, True]), st.integers(0, 5))


@given(st.lists(st.tuples(st.integers(0, 3), LOST), min_size=3, max_size=3), st.lists(STEPS, max_size=12))
def test_a_replica_is_finished_as_soon_as_nobody_has_a_call_to_it_and_never_before(made, steps):
    async def main() -> None:
        publisher = Publisher("epoch", "secret")
        publisher.open()
        publisher.put(("backend", "b"), view("r1"))
        callers = [Caller(publisher, str(number), *one) for number, one in enumerate(made)]
        await asyncio.gather(*(caller.begin() for caller in callers))
        version = publisher.put(("backend", "b"), view("r2"))

        async def finished() -> bool:
            late = await publisher.acknowledged(version, 10), await publisher.finished("r1", 10)
            return late == (0, 0) and not any(caller.calls for caller in callers)

        stopping = asyncio.ensure_future(finished())
        for number, leaves, turns in steps + [(number, False, 0) for number in range(3)] * 3:
            for _ in range(turns):
                await asyncio.sleep(0)
            callers[number].end_a_call(leaves)
        try:
            assert await asyncio.wait_for(stopping, 5)
        finally:
            for caller in callers:
                caller.end_a_call(leaves=True)

    asyncio.run(main())
