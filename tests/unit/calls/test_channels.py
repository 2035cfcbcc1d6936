"""The channels of a process: one for each backend that there is, and for those that are gone until calls are over."""

import pytest

from legacy.calls import channel as module
from legacy.calls.channel import Call
from legacy.calls.channels import Channels
from legacy.records import BackendView, ReplicaAddress, Update
from legacy.traffic.router import Router
from tests.unit.calls.test_channel import Actor, fake_wait

CALL = Call("handle_request", ("__call__", "serve_request", "GET", None, None), (), {}, None)


@pytest.fixture
def router(monkeypatch):
    monkeypatch.setattr(module.ray, "wait", fake_wait)
    return Router(10)


def news(version, tags, full=False, actor=None):
    views = {tag: there and BackendView(tag, 5, (ReplicaAddress(f"{tag}#1", tag, "n", 1, "/s", actor=actor),))
             for tag, there in tags.items()}  # fmt: skip
    return Update("e", version, full, {}, {tag: view or None for tag, view in views.items()})


def apply(router, channels, update):
    router.apply(update)
    channels.refresh(update.backends)


@pytest.mark.parametrize("full", [False, True])
def test_the_channel_to_a_deleted_backend_is_forgotten(router, full):
    channels = Channels(router.slots)
    for number in range(1, 100, 2):
        apply(router, channels, news(number, {f"b{number}": True}, full=number == 1))
        channels.get(f"b{number}")
        apply(router, channels, news(number + 1, {} if full else {f"b{number}": False}, full))
        channels.reap()
    assert channels.reap() == []


def test_the_channel_to_a_deleted_backend_stays_until_its_calls_are_over(router):
    channels, actor = Channels(router.slots), Actor()
    apply(router, channels, news(1, {"b": True}, full=True, actor=actor))
    channel = channels.get("b")
    channel.send(channel.take(), CALL)
    apply(router, channels, news(2, {"b": False}))
    channels.reap()
    assert channels.reap() == [channel]
    actor.markers[0].done.set_result(None)
    channels.reap()
    assert channels.reap() == []


def test_a_tag_that_is_used_again_has_a_channel_of_its_own(router):
    channels = Channels(router.slots)
    apply(router, channels, news(1, {"b": True}, full=True))
    first = channels.get("b")
    apply(router, channels, news(2, {"b": False}))
    apply(router, channels, news(3, {"b": True}))
    assert channels.get("b") is not first
    assert channels.get("b") is channels.get("b")
