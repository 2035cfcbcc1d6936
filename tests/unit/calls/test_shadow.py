import asyncio

import pytest

from legacy.calls import shadow
from legacy.calls.channel import Call
from legacy.calls.shadow import Shadows
from legacy.errors import BackendDeletedError, InstanceError
from legacy.records import BackendView, ReplicaAddress
from legacy.traffic.slots import Slots

CALL = Call("handle_request", ("__call__", "serve_request", "GET", None, None), (), {}, None)
VIEW = BackendView("s", 1, (ReplicaAddress("r", "s", "n", 1, ""),))


class FakeChannel:
    def __init__(self, view=None):
        self.slots = Slots("s", 10_000)
        self.sent = []
        self.broken = False
        if view:
            self.slots.update(view)

    def take(self):
        return self.slots.take()

    def watch(self):
        pass

    def send(self, replica, call, silent):
        assert silent
        if self.broken:
            raise OSError("no")
        self.sent.append(replica.tag)


@pytest.fixture
def loop():
    made = asyncio.new_event_loop()
    yield made
    made.close()


def settle(loop):
    loop.run_until_complete(asyncio.sleep(0))
    loop.run_until_complete(asyncio.sleep(0))


def test_a_copy_is_sent_when_there_is_a_slot(loop):
    channel = FakeChannel(VIEW)
    Shadows(loop, lambda: True).send(channel, CALL)
    assert channel.sent == ["r"]


def test_a_copy_waits_for_a_slot_without_holding_anybody_up(loop):
    channel, made = FakeChannel(), Shadows(loop, lambda: True)
    made.send(channel, CALL)
    assert channel.sent == []
    channel.slots.update(VIEW)
    settle(loop)
    assert channel.sent == ["r"]


def test_copies_beyond_the_backlog_are_dropped(loop, monkeypatch):
    monkeypatch.setattr(shadow, "MAX_SHADOWS", 2)
    channel, made = FakeChannel(), Shadows(loop, lambda: True)
    for _ in range(5):
        made.send(channel, CALL)
    assert (channel.slots.waiting, made.dropped["s"]) == (2, 3)


def test_the_backlog_empties_as_copies_are_sent(loop, monkeypatch):
    monkeypatch.setattr(shadow, "MAX_SHADOWS", 1)
    channel, made = FakeChannel(), Shadows(loop, lambda: True)
    made.send(channel, CALL)
    channel.slots.update(VIEW)
    settle(loop)
    channel.slots.give_back("r")
    made.send(channel, CALL)
    assert channel.sent == ["r", "r"]
    assert not made.dropped


def test_copies_to_a_deleted_backend_are_dropped(loop):
    channel, made = FakeChannel(), Shadows(loop, lambda: True)
    made.send(channel, CALL)
    channel.slots.update(None)
    settle(loop)
    made.send(channel, CALL)
    settle(loop)
    assert made.dropped["s"] == 2
    with pytest.raises(BackendDeletedError):
        channel.slots.wait(object())


def test_a_copy_that_cannot_be_sent_is_nobodys_trouble(loop):
    channel, made = FakeChannel(VIEW), Shadows(loop, lambda: True)
    channel.broken = True
    made.send(channel, CALL)
    assert made.dropped["s"] == 1


def test_nothing_is_sent_after_the_ray_session(loop):
    channel = FakeChannel(VIEW)
    Shadows(loop, lambda: False).send(channel, CALL)
    assert channel.sent == []


def test_a_copy_that_waits_when_its_router_ends_is_nobodys_error(loop, caplog):
    channel, made = FakeChannel(), Shadows(loop, lambda: True)
    made.send(channel, CALL)
    loop.close()
    channel.slots.end(lambda: InstanceError("over"))
    assert caplog.text == ""
