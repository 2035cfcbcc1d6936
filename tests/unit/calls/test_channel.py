from concurrent.futures import Future

import pytest
from ray.exceptions import RayActorError

from legacy.calls import channel
from legacy.calls.channel import Call, Lane, SlotWaiter
from legacy.records import BackendView, ReplicaAddress
from legacy.traffic.slots import Slots

CALL = Call("handle_request", ("__call__", "serve_request", "GET", None, None), ("x",), {"k": 1}, None)


class Marker:
    def __init__(self):
        self.done = Future()

    def future(self):
        return self.done


class Actor:
    """Answers nothing by itself; a test ends calls by completing their markers."""

    def __init__(self):
        self.calls, self.markers = [], []

    @property
    def handle_request(self):
        return self

    def options(self, num_returns):
        assert num_returns == 2
        return self

    def remote(self, meta, *args, **kwargs):
        if "bad" in args:
            raise TypeError("cannot be serialised")
        self.calls.append((meta, args, kwargs))
        self.markers.append(Marker())
        return f"answer {len(self.calls)}", self.markers[-1]


def fake_wait(refs, num_returns, timeout, fetch_local):
    over = [ref for ref in refs if not isinstance(ref, Marker) or ref.done.done()]
    return over, [ref for ref in refs if ref not in over]


@pytest.fixture
def actor(monkeypatch):
    monkeypatch.setattr(channel.ray, "wait", fake_wait)
    return Actor()


def lane_to(actor, limit=1, tags=("r1",)):
    slots = Slots("b", 10)
    addresses = tuple(ReplicaAddress(tag, "b", "n", 1, "", actor=actor) for tag in tags)
    slots.update(BackendView("b", limit, addresses))
    return Lane(slots)


def send(lane, call=CALL):
    return lane.send(lane.take(), call)


def test_a_call_goes_to_the_replica_whose_place_was_taken(actor):
    lane = lane_to(actor)
    assert send(lane) == "answer 1"
    assert actor.calls == [(CALL.meta, ("x",), {"k": 1})]
    assert lane.in_flight == lane.slots.total_in_flight == 1


def test_a_call_without_options_uses_the_replicas_plain_method(actor):
    lane = lane_to(actor)
    actor.handle_plain = Actor()
    send(lane, CALL._replace(actor_method="handle_plain"))
    assert actor.handle_plain.calls == [("x", (), {"k": 1})]
    assert actor.calls == []


def test_a_full_replica_gives_no_place_until_a_call_is_over(actor):
    lane = lane_to(actor)
    send(lane)
    assert lane.take() is None
    actor.markers[0].done.set_result(None)
    assert lane.take().tag == "r1"


def test_a_call_that_cannot_leave_gives_its_place_back_unsent(actor):
    lane = lane_to(actor)
    with pytest.raises(TypeError):
        send(lane, CALL._replace(args=("bad",)))
    assert (lane.slots.total_in_flight, lane.slots.sent("r1"), lane.in_flight) == (0, 0, 0)


def test_who_waits_gets_the_place_as_soon_as_a_watched_call_is_over(actor):
    lane = lane_to(actor)
    send(lane)
    waiter = SlotWaiter()
    lane.slots.wait(waiter)
    lane.watch()
    assert not waiter.granted.done()
    actor.markers[0].done.set_result(None)
    assert waiter.granted.result(0).tag == "r1"


def test_a_call_sent_while_others_wait_is_watched_at_once(actor):
    lane = lane_to(actor)
    place = lane.take()
    waiter = SlotWaiter()
    lane.slots.wait(waiter)
    lane.send(place, CALL)
    actor.markers[0].done.set_result(None)
    assert waiter.granted.done()


def test_a_place_comes_back_once_however_the_end_is_noticed(actor):
    lane = lane_to(actor, limit=2)
    send(lane)
    lane.watch()
    lane.watch()
    actor.markers[0].done.set_result(None)
    lane.reap()
    assert lane.slots.total_in_flight == lane.in_flight == 0


def test_a_replica_seen_dead_gets_no_further_call(actor):
    lane = lane_to(actor, limit=1, tags=("r1", "r2"))
    places = [lane.take(), lane.take()]
    for place in places:
        lane.send(place, CALL)
    waiters = [SlotWaiter(), SlotWaiter()]
    for waiter in waiters:
        lane.slots.wait(waiter)
    lane.watch()
    actor.markers[0].done.set_exception(RayActorError())
    assert not waiters[0].granted.done()
    actor.markers[1].done.set_result(None)
    assert waiters[0].granted.result(0).tag == places[1].tag


def test_a_failed_call_gives_its_place_back_too(actor):
    lane = lane_to(actor)
    send(lane)
    lane.watch()
    actor.markers[0].done.set_exception(ValueError("user code"))
    assert lane.take().tag == "r1"


def test_answers_of_shadows_are_held_until_they_are_over_and_looked_at(actor, monkeypatch):
    seen = []
    monkeypatch.setattr(channel.ray, "wait", lambda refs, **kw: (seen.append(refs), fake_wait(refs, **kw))[1])
    lane = lane_to(actor)
    lane.send(lane.take(), CALL, silent=True)
    actor.markers[0].done.set_result(None)
    lane.reap()
    assert seen[-1] == ["answer 1"]


def test_a_waiter_that_gave_up_takes_no_place(actor):
    slots = lane_to(actor).slots
    place, waiter = slots.take(), SlotWaiter()
    slots.wait(waiter)
    waiter.give_up(slots)
    assert waiter.grant(place) is False
    slots.give_back(place.tag)
    assert slots.waiting == slots.total_in_flight == 0


def test_a_place_granted_while_giving_up_goes_back_unsent(actor):
    slots, waiter = lane_to(actor).slots, SlotWaiter()
    slots.wait(waiter)
    assert waiter.granted.done()
    waiter.give_up(slots)
    assert (slots.total_in_flight, slots.sent("r1")) == (0, 0)


def test_the_last_word_about_a_deleted_backend_may_come_to_one_who_gave_up(actor):
    slots, waiter = Slots("b", 10), SlotWaiter()
    slots.wait(waiter)
    waiter.granted.cancel()
    waiter.fail(LookupError())
    assert waiter.granted.cancelled()
