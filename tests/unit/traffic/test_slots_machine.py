"""legacy.traffic.slots against a model: any sequence of updates, requests and failures keeps every promise."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from legacy.errors import BackendDeletedError, QueueFullError
from legacy.records import BackendView, ReplicaAddress
from legacy.traffic.slots import Slots

REPLICAS = ["r1", "r2", "r3"]


def view(limit: int, *tags: str) -> BackendView:
    return BackendView("b", limit, tuple(ReplicaAddress(tag, "b", "n", 1, f"/run/{tag}") for tag in tags))


class Recorder:
    """A waiter that writes down what happens to it."""

    def __init__(self, log: list[Recorder], accepts: bool) -> None:
        self.replica: str | None = None
        self.error: Exception | None = None
        self.accepts = accepts
        self.log = log

    def grant(self, replica: ReplicaAddress) -> bool:
        assert self.replica is None, "granted twice"
        self.log.append(self)
        if self.accepts:
            self.replica = replica.tag
        return self.accepts

    def fail(self, error: Exception) -> None:
        assert self.replica is None
        assert self.error is None
        self.error = error


class SlotsMachine(RuleBasedStateMachine):
    """Any sequence of updates, requests and failures, against a model of what must hold."""

    def __init__(self) -> None:
        super().__init__()
        self.slots = Slots("b", 5)
        self.limit = 0
        self.listed: tuple[str, ...] = ()
        self.suspects: set[str] = set()
        self.flying: list[str] = []
        self.queue: list[Recorder] = []
        self.offers: list[Recorder] = []
        self.deleted = False

    def collect(self) -> None:
        """Offers and failures since the last look; slots are offered in the order of asking."""
        offered, self.offers[:] = list(self.offers), []
        assert offered == self.queue[: len(offered)], "a slot was not offered in the order of asking"
        self.queue = [waiter for waiter in self.queue[len(offered) :] if waiter.error is None]
        for waiter in offered:
            if waiter.accepts:
                assert waiter.replica in self.listed
                assert waiter.replica not in self.suspects
                self.flying.append(str(waiter.replica))

    @rule(limit=st.integers(1, 3), tags=st.sets(st.sampled_from(REPLICAS)))
    def update(self, limit: int, tags: set[str]) -> None:
        self.limit, self.listed, self.deleted = limit, tuple(sorted(tags)), False
        self.suspects = set()
        self.slots.update(view(limit, *self.listed))
        self.collect()

    @rule()
    def delete(self) -> None:
        self.limit, self.listed, self.deleted = 0, (), True
        self.slots.update(None)
        self.collect()
        assert self.queue == []

    @rule()
    def take(self) -> None:
        replica = self.slots.take()
        if replica is not None:
            assert not self.queue, "overtook a waiter"
            assert replica.tag in self.listed
            self.flying.append(replica.tag)

    @rule(accepts=st.booleans())
    def wait(self, accepts: bool) -> None:
        waiter = Recorder(self.offers, accepts)
        if self.deleted:
            with pytest.raises(BackendDeletedError):
                self.slots.wait(waiter)
            return
        try:
            self.queue.append(waiter)
            self.slots.wait(waiter)
        except QueueFullError:
            self.queue.pop()
            assert self.slots.waiting == 5
        self.collect()

    @precondition(lambda self: self.flying)
    @rule(data=st.data())
    def give_back(self, data: st.DataObject) -> None:
        tag = data.draw(st.sampled_from(self.flying))
        self.flying.remove(tag)
        self.slots.give_back(tag)
        self.collect()

    @precondition(lambda self: self.queue)
    @rule(data=st.data())
    def withdraw(self, data: st.DataObject) -> None:
        waiter = data.draw(st.sampled_from(self.queue))
        self.queue.remove(waiter)
        assert self.slots.withdraw(waiter)

    @rule(tag=st.sampled_from(REPLICAS), trusted=st.booleans())
    def suspect(self, tag: str, trusted: bool) -> None:
        if trusted:
            self.suspects.discard(tag)
            self.slots.trust(tag)
        elif tag in self.listed or tag in self.flying:
            self.suspects.add(tag)
            self.slots.suspect(tag)
        self.collect()

    @invariant()
    def what_is_granted_is_in_flight_until_given_back(self) -> None:
        for tag in REPLICAS:
            assert self.slots.in_flight(tag) == self.flying.count(tag)
        assert self.slots.total_in_flight == len(self.flying)

        assert self.slots.waiting == len(self.queue)

    @invariant()
    def a_removed_replica_is_unfinished_exactly_while_something_is_in_flight(self) -> None:
        assert self.slots.unfinished() == set(self.flying) - set(self.listed)

    @invariant()
    def nobody_waits_while_there_is_a_slot(self) -> None:
        free = [t for t in self.listed if t not in self.suspects and self.flying.count(t) < self.limit]
        assert not (free and self.slots.waiting)

    @invariant()
    def no_reserved_slot_is_above_the_limit_in_force(self) -> None:
        before = {tag: self.slots.in_flight(tag) for tag in self.listed}
        replica = None if self.slots.waiting else self.slots.take()
        if replica is not None:
            assert before[replica.tag] < self.limit
            self.slots.give_back(replica.tag)


TestSlotsMachine = SlotsMachine.TestCase
TestSlotsMachine.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
