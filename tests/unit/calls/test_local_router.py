"""The router of a process and its news: what it says before there is any, and what it says it follows."""

import threading
from concurrent.futures import Future
from types import SimpleNamespace

import pytest

from legacy.calls import local_router
from legacy.calls.channel import Call
from legacy.calls.local_router import LocalRouter
from legacy.errors import DeadlineError
from legacy.records import BackendView, Endpoint, InstanceName, ReplicaAddress, Update, Version

CALL = Call("handle_plain", ("__call__", "serve_request", "GET", None, None), (1,), {}, None)
SOON_S, LONG_S = 0.05, 20.0
ENDPOINT = Endpoint("ep", None, (), {"b": 1.0})


class Controller:
    """Answers polls when the test says so."""

    def __init__(self):
        self.polls = []
        self.polled = threading.Semaphore(0)
        self.watch = SimpleNamespace(options=lambda **_: SimpleNamespace(remote=self._poll))
        self.leave = SimpleNamespace(options=lambda **_: SimpleNamespace(remote=lambda router_id: None))

    def answer(self, *endpoints, epoch="e", version=1):
        assert self.polled.acquire(timeout=LONG_S)
        replica = ReplicaAddress("b#1", "b", "node", 1, "/s")
        news = {endpoint.name: endpoint for endpoint in endpoints}
        self.polls[-1].set_result(Update(epoch, version, True, news, {"b": BackendView("b", 1, (replica,))}))

    def _poll(self, poll):
        self.polls.append(Future())
        self.polled.release()
        return SimpleNamespace(future=lambda: self.polls[-1])


@pytest.fixture
def controller(monkeypatch):
    made = Controller()
    monkeypatch.setattr(local_router.cluster, "connection", lambda: "a cluster")
    monkeypatch.setattr(local_router.controllers, "find", lambda name: made)
    return made


@pytest.fixture
def router(controller):
    made = LocalRouter(InstanceName("ctl", "ns"), controller)
    yield made
    made.close()


@pytest.fixture
def sent(monkeypatch):
    calls = []
    monkeypatch.setattr(local_router.Channel, "send", lambda channel, replica, call: calls.append(call) or "answer")
    return calls


def test_a_call_waits_for_late_routing_news_longer_than_for_a_missing_endpoint(router, controller, sent):
    late = threading.Timer(10 * SOON_S, controller.answer, (ENDPOINT,))
    late.start()
    assert router.send(router.target("ep"), CALL, LONG_S, SOON_S) == "answer"
    late.join()


def test_an_endpoint_is_called_missing_only_by_who_has_routing_news(router, controller):
    target = router.target("ep")
    with pytest.raises(DeadlineError, match="no routing news came from the controller"):
        router.send(target, CALL, SOON_S, SOON_S)
    controller.answer()
    with pytest.raises(DeadlineError, match="'ep' does not exist"):
        router.send(target, CALL, LONG_S, SOON_S)


def test_a_version_is_followed_when_routing_of_its_life_of_the_controller_is_in_force(router, controller):
    controller.answer(ENDPOINT, version=57)
    assert router.wait_for_version(Version("e", 57), LONG_S)
    assert not router.wait_for_version(Version("after a restart", 5), SOON_S)
    controller.answer(ENDPOINT, epoch="after a restart", version=5)
    assert router.wait_for_version(Version("after a restart", 5), LONG_S)
    assert not router.wait_for_version(Version("after a restart", 6), SOON_S)


def test_a_version_of_a_life_that_was_over_before_it_was_heard_of_is_followed_with_the_next_one(router, controller):
    controller.answer(ENDPOINT, version=57)
    assert router.wait_for_version(Version("e", 57), LONG_S)
    late = threading.Timer(SOON_S, controller.answer, (ENDPOINT,), {"epoch": "third", "version": 2})
    late.start()
    assert router.wait_for_version(Version("second", 5), LONG_S)
    late.join()


def test_a_version_is_in_force_only_with_the_traffic_of_every_handle(router, controller, monkeypatch):
    target, looked = router.target("ep"), []
    monkeypatch.setattr(target, "refresh", lambda _: looked.append(router.wait_for_version(Version("e", 1), 0)))
    controller.answer(ENDPOINT)
    assert router.wait_for_version(Version("e", 1), LONG_S)
    assert looked == [False]
