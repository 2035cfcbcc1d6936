"""legacy.traffic.slots: limits are kept, slots come back, nobody starves. Any sequence: test_slots_machine.py."""

from __future__ import annotations

import random
import threading

import pytest

from legacy.errors import BackendDeletedError, QueueFullError
from legacy.records import BackendView, ReplicaAddress
from legacy.traffic.slots import Slots


def address(tag: str) -> ReplicaAddress:
    return ReplicaAddress(tag=tag, backend="b", node_id="n", pid=1, unix_path=f"/run/{tag}")


def view(limit: int, *tags: str) -> BackendView:
    return BackendView("b", limit, tuple(address(tag) for tag in tags))


def filled(limit: int, *tags: str, max_waiting: int = 100) -> Slots:
    slots = Slots("b", max_waiting)
    slots.update(view(limit, *tags))
    return slots


class Recorder:
    """A waiter that writes down what happens to it."""

    def __init__(self, log: list[Recorder] | None = None, accepts: bool = True) -> None:
        self.replica: str | None = None
        self.error: Exception | None = None
        self.accepts = accepts
        self.log = log if log is not None else []

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


def taken(slots: Slots) -> str | None:
    replica = slots.take()
    return replica.tag if replica else None


def test_replicas_take_turns_and_full_ones_are_skipped():
    slots = filled(2, "r1", "r2", "r3")
    assert [taken(slots) for _ in range(7)] == ["r1", "r2", "r3", "r1", "r2", "r3", None]
    slots.give_back("r2")
    assert [taken(slots), taken(slots)] == ["r2", None]
    assert slots.total_in_flight == 6


def test_a_backend_not_known_yet_has_no_slots():
    slots, waiter = Slots("b", 10), Recorder()
    assert slots.take() is None
    slots.wait(waiter)
    slots.update(view(1, "r1"))
    assert waiter.replica == "r1"


def test_new_replicas_are_shuffled_so_that_routers_begin_at_different_ones():
    firsts = set()
    for seed in range(20):
        slots = Slots("b", 10, random.Random(seed))
        slots.update(view(1, "r1", "r2", "r3"))
        firsts.add(taken(slots))
    assert firsts == {"r1", "r2", "r3"}


def test_an_update_does_not_disturb_the_turn():
    slots = filled(5, "r1", "r2", "r3")
    assert taken(slots) == "r1"
    slots.update(view(5, "r1", "r2", "r3"))
    assert [taken(slots) for _ in range(3)] == ["r2", "r3", "r1"]


def test_who_asks_anew_does_not_overtake_who_waits():
    slots, log = filled(1, "r1"), []
    slots.take()
    first, second = Recorder(log), Recorder(log)
    slots.wait(first)
    slots.wait(second)
    slots.give_back("r1")
    assert slots.take() is None
    slots.give_back("r1")
    assert log == [first, second]


def test_a_waiter_that_gave_up_passes_its_slot_on():
    slots = filled(1, "r1")
    slots.take()
    gone, next_one = Recorder(accepts=False), Recorder()
    slots.wait(gone)
    slots.wait(next_one)
    slots.give_back("r1")
    assert next_one.replica == "r1"
    assert slots.in_flight("r1") == 1


def test_a_withdrawn_waiter_is_never_granted():
    slots, waiter = filled(1, "r1"), Recorder()
    slots.take()
    slots.wait(waiter)
    assert slots.withdraw(waiter) is True
    assert slots.withdraw(waiter) is False
    slots.give_back("r1")
    assert (waiter.replica, slots.waiting) == (None, 0)


def test_a_waiter_is_granted_at_once_when_there_is_a_slot():
    slots, waiter = filled(1, "r1", max_waiting=0), Recorder()
    slots.wait(waiter)
    assert waiter.replica == "r1"


def test_a_full_queue_refuses_and_says_what_to_do():
    slots = filled(1, "r1", max_waiting=1)
    slots.take()
    slots.wait(Recorder())
    with pytest.raises(QueueFullError, match="num_replicas"):
        slots.wait(Recorder())
    assert slots.waiting == 1


@pytest.mark.parametrize("better", [view(3, "r1"), view(1, "r1", "r2", "r3")])
def test_a_raised_limit_or_a_new_replica_releases_waiters_at_once(better):
    slots, log = filled(1, "r1"), []
    slots.take()
    for _ in range(3):
        slots.wait(Recorder(log))
    slots.update(better)
    assert (len(log), slots.waiting) == (2, 1)


def test_a_lowered_limit_is_kept_from_then_on():
    slots = filled(3, "r1")
    for _ in range(3):
        slots.take()
    slots.update(view(1, "r1"))
    slots.give_back("r1")
    slots.give_back("r1")
    assert slots.take() is None
    slots.give_back("r1")
    assert taken(slots) == "r1"


def test_a_replica_that_is_gone_still_gets_its_slot_back():
    slots, waiter = filled(1, "r1"), Recorder()
    slots.take()
    slots.update(view(1))
    slots.wait(waiter)
    slots.give_back("r1")
    assert (waiter.replica, slots.total_in_flight) == (None, 0)


def test_a_replica_that_comes_back_has_not_forgotten_what_is_in_flight():
    slots = filled(1, "r1")
    slots.take()
    slots.update(view(1))
    slots.update(view(1, "r1"))
    assert slots.take() is None
    assert slots.in_flight("r1") == 1


def test_a_slot_given_back_twice_is_an_error():
    slots = filled(1, "r1")
    slots.take()
    slots.give_back("r1")
    with pytest.raises(ValueError, match="twice"):
        slots.give_back("r1")


def test_deleting_the_backend_fails_all_who_wait_and_all_who_come():
    slots, waiter = filled(1, "r1"), Recorder()
    slots.take()
    slots.wait(waiter)
    slots.update(None)
    assert isinstance(waiter.error, BackendDeletedError)
    with pytest.raises(BackendDeletedError, match="'b' was deleted"):
        slots.wait(Recorder())
    slots.give_back("r1")
    slots.update(view(1, "r2"))
    assert taken(slots) == "r2"


def test_a_suspect_is_not_chosen_until_it_is_named_anew():
    slots = filled(5, "r1", "r2")
    slots.suspect("r1")
    slots.suspect("never heard of")
    assert [taken(slots) for _ in range(3)] == ["r2"] * 3
    slots.update(view(5, "r1", "r2"))
    assert "r1" in [taken(slots), taken(slots)]


def test_trust_takes_a_suspicion_back_and_serves_waiters():
    slots, waiter = filled(1, "r1"), Recorder()
    slots.suspect("r1")
    slots.wait(waiter)
    slots.trust("never heard of")
    slots.trust("r1")
    assert waiter.replica == "r1"


def test_a_slot_given_back_does_not_make_a_suspect_eligible():
    slots = filled(1, "r1")
    slots.take()
    slots.suspect("r1")
    slots.give_back("r1")
    assert slots.take() is None


def test_a_removed_replica_is_unfinished_until_its_last_slot_is_back():
    slots, seen = filled(5, "r1", "r2"), []
    for _ in range(3):
        slots.take()
    for step in (lambda: None, lambda: slots.update(view(5, "r2")), *[lambda: slots.give_back("r1")] * 2):
        step()
        seen.append(slots.unfinished())
    assert seen == [set(), {"r1"}, {"r1"}, set()]


def test_a_replica_that_comes_back_is_in_use_again():
    slots = filled(5, "r1")
    slots.take()
    slots.update(view(5))
    slots.update(view(5, "r1"))
    assert slots.unfinished() == set()


def test_a_waiter_may_call_back_from_grant():
    slots, last = filled(1, "r1"), Recorder()

    class Impatient(Recorder):
        def grant(self, replica: ReplicaAddress) -> bool:
            slots.wait(last)
            slots.give_back(replica.tag)
            return super().grant(replica)

    slots.wait(Impatient())
    assert last.replica == "r1"


def test_threads_never_exceed_the_limit_and_all_get_their_turn():
    slots, limit, turns = filled(2, "r1", "r2", max_waiting=1000), 2, []
    guard, now, peak = threading.Lock(), {"r1": 0, "r2": 0}, [0]

    class Blocking(Recorder):
        def __init__(self) -> None:
            super().__init__()
            self.event = threading.Event()

        def grant(self, replica: ReplicaAddress) -> bool:
            super().grant(replica)
            self.event.set()
            return True

    def work() -> None:
        for _ in range(100):
            replica = slots.take()
            if replica is None:
                waiter = Blocking()
                slots.wait(waiter)
                assert waiter.event.wait(30), "starved"
                tag = str(waiter.replica)
            else:
                tag = replica.tag
            with guard:
                now[tag] += 1
                peak[0] = max(peak[0], *now.values())
                turns.append(tag)
            with guard:
                now[tag] -= 1
            slots.give_back(tag)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert (len(turns), slots.total_in_flight, slots.waiting) == (800, 0, 0)
    assert peak[0] <= limit
