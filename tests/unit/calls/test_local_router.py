"""The router of a process and its news: what it says before there is any, and what it says it follows."""

import asyncio
import contextlib
import threading
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from functools import partial
from types import SimpleNamespace

import pytest

from legacy.calls import local_router
from legacy.calls.channel import Call, Channel
from legacy.calls.local_router import LocalRouter
from legacy.errors import BackendDeletedError, DeadlineError, InstanceError
from legacy.records import BackendView, Endpoint, InstanceName, ReplicaAddress, Update, Version
from legacy.traffic import router as traffic
from legacy.traffic.slots import Slots

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

    def answer(self, *endpoints, epoch="e", version=1, backend="b"):
        assert self.polled.acquire(timeout=LONG_S)
        replica = ReplicaAddress("b#1", "b", "node", 1, "/s")
        news = {endpoint.name: endpoint for endpoint in endpoints}
        backends = {backend: BackendView(backend, 1, (replica,))} if backend else {}
        self.polls[-1].set_result(Update(epoch, version, True, news, backends))

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
    monkeypatch.setattr(Channel, "send", lambda channel, replica, call: calls.append(call) or "answer")
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


def test_a_version_of_a_life_that_is_over_here_already_is_followed(router, controller):
    controller.answer(ENDPOINT, version=57)
    assert router.wait_for_version(Version("e", 57), LONG_S)
    asked_in = router.life
    controller.answer(ENDPOINT, epoch="after a restart", version=2)
    assert router.wait_for_version(Version("after a restart", 2), LONG_S)
    assert router.wait_for_version(Version("e", 58), SOON_S, asked_in)


def test_a_version_is_in_force_only_with_the_traffic_of_every_handle(router, controller, monkeypatch):
    target, looked = router.target("ep"), []
    monkeypatch.setattr(target, "refresh", lambda _: looked.append(router.wait_for_version(Version("e", 1), 0)))
    controller.answer(ENDPOINT)
    assert router.wait_for_version(Version("e", 1), LONG_S)
    assert looked == [False]


def followed(router, controller, version, *endpoints, backend="b"):
    controller.answer(*endpoints, version=version, backend=backend)
    assert router.wait_for_version(Version("e", version), LONG_S)


def test_a_call_to_what_was_deleted_says_so_soon(router, controller, sent, monkeypatch):
    followed(router, controller, 1, ENDPOINT)
    target = router.target("ep")
    followed(router, controller, 2, backend=None)
    monkeypatch.setattr(local_router, "RETURN_S", SOON_S)
    said = "endpoint 'ep' and its backend 'b' were deleted and did not come back within 0.05 s"
    for _ in range(2):
        with pytest.raises(BackendDeletedError, match=said):
            router.send(target, CALL, LONG_S, LONG_S)
    followed(router, controller, 3, ENDPOINT)
    assert router.send(target, CALL, LONG_S, LONG_S) == "answer"


@pytest.mark.parametrize("return_s", [SOON_S, LONG_S])
def test_a_call_waits_for_what_was_deleted_and_is_being_deployed_again(router, controller, sent, monkeypatch, return_s):
    followed(router, controller, 1, ENDPOINT)
    target = router.target("ep")
    followed(router, controller, 2, backend=None)
    if return_s == SOON_S:  # its endpoint is there at once, but no replica
        followed(router, controller, 3, ENDPOINT, backend=None)
    monkeypatch.setattr(local_router, "RETURN_S", return_s)
    said = Future()
    threading.Thread(target=lambda: said.set_result(router.send(target, CALL, LONG_S, LONG_S))).start()
    with pytest.raises(FutureTimeoutError):
        said.result(4 * SOON_S)
    followed(router, controller, 4, ENDPOINT)
    assert said.result(LONG_S) == "answer"


def test_a_call_goes_on_where_only_the_endpoint_was_deleted(router, controller, sent):
    followed(router, controller, 1, ENDPOINT)
    target = router.target("ep")
    followed(router, controller, 2)
    assert router.send(target, CALL, LONG_S, LONG_S) == "answer"


SHADOWED = Endpoint("ep", None, (), {"b": 1.0}, {"shadow": 1.0})


@pytest.mark.parametrize(("endpoint", "kept"), [(ENDPOINT, None), (SHADOWED, "b")])
def test_a_call_makes_nothing_for_a_backend_that_was_deleted(router, controller, sent, monkeypatch, endpoint, kept):
    followed(router, controller, 1, endpoint)
    target, made = router.target("ep"), []
    followed(router, controller, 2, backend=kept)
    monkeypatch.setattr(local_router, "RETURN_S", SOON_S)
    monkeypatch.setattr(traffic, "Slots", lambda tag, *rest: made.append(tag) or Slots(tag, *rest))
    with contextlib.nullcontext() if kept else pytest.raises(BackendDeletedError):
        router.send(target, CALL, LONG_S, LONG_S)
    assert made == []


FULL = Endpoint("ep", None, (), {"full": 1.0})  # its backend has no replica
OTHER = Endpoint("other", None, (), {"b": 1.0})


def ended_while_waiting(call, close):
    """What a call says that waits when its router closes, and for how long it waited on."""
    said = Future()

    def wait():
        try:
            said.set_result(call())
        except InstanceError as error:
            said.set_result(str(error))

    threading.Thread(target=wait).start()
    with pytest.raises(FutureTimeoutError):
        said.result(2 * SOON_S)
    close()
    return said.result(LONG_S / 4)


@pytest.mark.parametrize("news", [None, OTHER, FULL])
def test_a_call_that_waits_while_its_router_closes_ends_at_once_and_says_why(router, controller, news):
    if news is not None:
        controller.answer(news)
        assert router.wait_for_version(Version("e", 1), LONG_S)
    target = router.target("ep")
    said = ended_while_waiting(lambda: router.send(target, CALL, LONG_S, LONG_S), router.close)
    assert said == "serve instance 'ctl' has already been shut down; serve.start() a new one"


def test_an_awaited_call_ends_at_once_too(router, controller):
    controller.answer(FULL)
    assert router.wait_for_version(Version("e", 1), LONG_S)
    target = router.target("ep")
    said = ended_while_waiting(lambda: asyncio.run(router.send_async(target, CALL, LONG_S, LONG_S)), router.close)
    assert "has already been shut down" in said


def test_a_call_that_waits_when_its_ray_session_ends_does_not_wait_on(router, controller, monkeypatch):
    controller.answer(FULL)
    assert router.wait_for_version(Version("e", 1), LONG_S)
    target = router.target("ep")
    end = partial(monkeypatch.setattr, local_router.cluster, "connection", lambda: "another cluster")
    assert "has already been shut down" in ended_while_waiting(lambda: router.send(target, CALL, LONG_S, 1), end)


def test_who_comes_to_a_closed_router_is_not_made_to_wait(router, controller):
    controller.answer(FULL)
    assert router.wait_for_version(Version("e", 1), LONG_S)
    target = router.target("ep")
    router.close()
    with pytest.raises(InstanceError):
        router.send(target, CALL, LONG_S, LONG_S)


def test_metrics_that_ray_does_not_take_end_no_look_after_calls(router, controller, sent, monkeypatch, caplog):
    flushes = threading.Semaphore(0)

    def flush(channels):
        flushes.release()
        raise ValueError("no such tag")

    monkeypatch.setattr(router._metrics, "flush", flush)
    controller.answer(ENDPOINT)
    assert router.send(router.target("ep"), CALL, LONG_S, LONG_S) == "answer"
    for _ in range(3):
        assert flushes.acquire(timeout=LONG_S)
    assert "the look after handle calls failed and goes on: Traceback" in caplog.text
    assert "ValueError: no such tag" in caplog.text
