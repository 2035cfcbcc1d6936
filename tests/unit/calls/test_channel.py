import threading
from concurrent.futures import Future

import pytest
import ray
from ray.exceptions import ActorUnavailableError, RayActorError, RayTaskError

from legacy.calls.channel import Call, Channel, SlotWaiter
from legacy.records import BackendView, ReplicaAddress
from legacy.traffic.slots import Slots

CALL = Call("handle_request", ("__call__", "serve_request", "GET", None, None), ("x",), {"k": 1}, None)
LOCK = threading.Lock()


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
        if kwargs.get("lock") or LOCK in args:
            raise TypeError("Could not serialize the argument ...") from TypeError("cannot pickle it")
        self.calls.append((meta, args, kwargs))
        self.markers.append(Marker())
        return f"answer {len(self.calls)}", self.markers[-1]


class Alive:
    """A replica's method `alive`, asked once at a time."""

    def __init__(self):
        self.asked = []

    def remote(self):
        self.asked.append(Marker())
        return self.asked[-1]

    def answer(self, error):
        assert not any(marker.done.done() for marker in self.asked)
        self.asked.pop().done.set_exception(error) if error else self.asked.pop().done.set_result(None)
        assert not self.asked


def fake_wait(refs, num_returns, timeout, fetch_local):
    over = [ref for ref in refs if not isinstance(ref, Marker) or ref.done.done()]
    return over, [ref for ref in refs if ref not in over]


@pytest.fixture
def actor(monkeypatch):
    monkeypatch.setattr(ray, "wait", fake_wait)
    return Actor()


def channel_to(actor, limit=1, tags=("r1",)):
    slots = Slots("b", 10)
    addresses = tuple(ReplicaAddress(tag, "b", "n", 1, "", actor=actor) for tag in tags)
    slots.update(BackendView("b", limit, addresses))
    return Channel(slots)


def send(channel, call=CALL):
    return channel.send(channel.take(), call)


def test_a_call_goes_to_the_replica_whose_slot_was_taken(actor):
    channel = channel_to(actor)
    assert send(channel) == "answer 1"
    assert actor.calls == [(CALL.meta, ("x",), {"k": 1})]
    assert channel.in_flight == channel.slots.total_in_flight == 1


def test_a_call_without_options_uses_the_replicas_plain_method(actor):
    channel = channel_to(actor)
    actor.handle_plain = Actor()
    send(channel, CALL._replace(actor_method="handle_plain"))
    assert actor.handle_plain.calls == [("x", (), {"k": 1})]
    assert actor.calls == []


def test_a_full_replica_gives_no_slot_until_a_call_is_over(actor):
    channel = channel_to(actor)
    send(channel)
    assert channel.take() is None
    actor.markers[0].done.set_result(None)
    assert channel.take().tag == "r1"


def test_a_call_that_cannot_leave_gives_its_slot_back(actor):
    channel = channel_to(actor)
    with pytest.raises(TypeError):
        send(channel, CALL._replace(args=("bad",)))
    assert channel.slots.total_in_flight == channel.in_flight == 0


@pytest.mark.parametrize(
    ("args", "kwargs", "said"),
    [((1, LOCK), {}, "argument 2"), ((), {"lock": {"a": [LOCK]}}, "item 0 of item 'a' of argument 'lock'")],
)
def test_an_argument_that_cannot_be_pickled_is_named(actor, args, kwargs, said):
    told = rf"^a call to 'b' cannot be sent: cannot pickle it\. It is {said}, of type _thread\.lock"
    with pytest.raises(TypeError, match=told):
        send(channel_to(actor), CALL._replace(args=args, kwargs=kwargs))


def test_who_waits_gets_the_slot_as_soon_as_a_watched_call_is_over(actor):
    channel = channel_to(actor)
    send(channel)
    waiter = SlotWaiter()
    channel.slots.wait(waiter)
    channel.watch()
    assert not waiter.granted.done()
    actor.markers[0].done.set_result(None)
    assert waiter.granted.result(0).tag == "r1"


def test_a_call_sent_while_others_wait_is_watched_at_once(actor):
    channel = channel_to(actor)
    slot = channel.take()
    waiter = SlotWaiter()
    channel.slots.wait(waiter)
    channel.send(slot, CALL)
    actor.markers[0].done.set_result(None)
    assert waiter.granted.done()


def test_a_slot_comes_back_once_however_the_end_is_noticed(actor):
    channel = channel_to(actor, limit=2)
    send(channel)
    channel.watch()
    channel.watch()
    actor.markers[0].done.set_result(None)
    channel.reap()
    assert channel.slots.total_in_flight == channel.in_flight == 0


def test_a_replica_seen_dead_gets_no_further_call(actor):
    channel = channel_to(actor, limit=1, tags=("r1", "r2"))
    slots = [channel.take(), channel.take()]
    for slot in slots:
        channel.send(slot, CALL)
    waiters = [SlotWaiter(), SlotWaiter()]
    for waiter in waiters:
        channel.slots.wait(waiter)
    channel.watch()
    actor.markers[0].done.set_exception(RayActorError())
    assert not waiters[0].granted.done()
    actor.markers[1].done.set_result(None)
    assert waiters[0].granted.result(0).tag == slots[1].tag


def test_a_handler_that_could_not_reach_an_actor_of_its_own_does_not_make_its_replica_dead(actor):
    channel = channel_to(actor)
    send(channel)
    channel.watch()
    actor.markers[0].done.set_exception(RayTaskError("f", "Traceback ...", RayActorError()).as_instanceof_cause())
    assert channel.take().tag == "r1"


def test_a_replica_that_could_not_be_reached_is_used_again_when_it_says_that_it_is_alive(actor):
    channel = channel_to(actor)
    actor.alive = asked = Alive()
    send(channel)
    channel.watch()
    assert not channel.doubts
    actor.markers[0].done.set_exception(ActorUnavailableError("away", None))
    for answer in (ActorUnavailableError("away", None), None):
        channel.doubts.look()
        channel.doubts.look()
        assert channel.take() is None
        asked.answer(answer)
    channel.doubts.look()
    assert channel.take().tag == "r1"
    assert not channel.doubts


def test_a_replica_that_could_not_be_reached_and_is_dead_is_left_to_the_controller(actor):
    channel = channel_to(actor)
    actor.alive = asked = Alive()
    send(channel)
    channel.watch()
    actor.markers[0].done.set_exception(ActorUnavailableError("away", None))
    channel.doubts.look()
    asked.answer(RayActorError())
    channel.doubts.look()
    assert channel.take() is None
    assert not channel.doubts


def test_a_failed_call_gives_its_slot_back_too(actor):
    channel = channel_to(actor)
    send(channel)
    channel.watch()
    actor.markers[0].done.set_exception(ValueError("user code"))
    assert channel.take().tag == "r1"


def test_answers_of_shadows_are_held_until_they_are_over_and_looked_at(actor, monkeypatch):
    seen = []
    monkeypatch.setattr(ray, "wait", lambda refs, **kw: (seen.append(refs), fake_wait(refs, **kw))[1])
    channel = channel_to(actor)
    channel.send(channel.take(), CALL, silent=True)
    actor.markers[0].done.set_result(None)
    channel.reap()
    assert seen[-1] == ["answer 1"]


def test_a_waiter_that_gave_up_takes_no_slot(actor):
    slots = channel_to(actor).slots
    slot, waiter = slots.take(), SlotWaiter()
    slots.wait(waiter)
    waiter.give_up(slots)
    assert waiter.grant(slot) is False
    slots.give_back(slot.tag)
    assert slots.waiting == slots.total_in_flight == 0


def test_a_slot_granted_while_giving_up_goes_back(actor):
    slots, waiter = channel_to(actor).slots, SlotWaiter()
    slots.wait(waiter)
    assert waiter.granted.done()
    waiter.give_up(slots)
    assert slots.total_in_flight == 0


def test_the_last_word_about_a_deleted_backend_may_come_to_one_who_gave_up(actor):
    slots, waiter = Slots("b", 10), SlotWaiter()
    slots.wait(waiter)
    waiter.granted.cancel()
    waiter.fail(LookupError())
    assert waiter.granted.cancelled()
