"""A proxy that starts, or comes back: nobody can connect to it before it knows where to send requests."""

import asyncio
import http.client
import pickle
import socket
from types import SimpleNamespace

import pytest

from legacy.http_options import HTTPOptions
from legacy.ingress import proxy as under_test
from legacy.records import BackendView, Endpoint, InstanceName, ProxyStart, ProxyState, Update
from tests.ray.cluster import free_port


class Controller:
    """Answers no poll before it may, then one, then none any more."""

    def __init__(self):
        self.may_answer = asyncio.Event()
        self.polls = 0
        self.watch = self

    def options(self, **_):
        return self

    def remote(self, poll):
        return self._answer()

    async def _answer(self):
        self.polls += 1
        if self.polls > 1:
            await asyncio.Event().wait()
        await self.may_answer.wait()
        endpoint = Endpoint("e", "/e", ("GET",), {"b": 1.0})
        return Update("epoch", 1, True, {"e": endpoint}, {"b": BackendView("b", 1)})


@pytest.fixture
def port(monkeypatch):
    for tunes_the_process in ("_collect_rarely", "guard_libraries", "raise_limit"):
        monkeypatch.setattr(under_test, tunes_the_process, lambda: None)
    return free_port()


def is_open(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def routes(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/-/routes")
    body = connection.getresponse().read()
    connection.close()
    return body


def test_a_proxy_listens_only_when_it_knows_every_route(monkeypatch, port):
    async def play():
        controller = Controller()
        monkeypatch.setattr(under_test.controllers, "find", lambda name: controller)
        options = pickle.dumps(HTTPOptions(port=port))
        proxy = under_test.ServeProxy(ProxyStart("p", "node", InstanceName("c", "ns"), options))
        while not controller.polls:
            await asyncio.sleep(0)
        for _ in range(20):
            assert not is_open(port)
            await asyncio.sleep(0)
        controller.may_answer.set()
        while (look := await proxy.look(ProxyState.STARTING)).state is ProxyState.STARTING:
            pass
        assert look.address == ("127.0.0.1", port)
        assert b'"/e"' in await asyncio.to_thread(routes, port)
        await proxy.stop()

    asyncio.run(asyncio.wait_for(play(), 20))


def test_nothing_that_a_proxy_looks_at_ends_the_looks_at_the_rest(monkeypatch, caplog):
    seen = []

    def broken(what):
        seen.append(what)
        raise ValueError(what)

    async def play():
        proxy = object.__new__(under_test.ServeProxy)
        proxy._pool = SimpleNamespace(tick=lambda now: broken("pool"))
        front = SimpleNamespace(tick=lambda now: broken("front"))
        app = SimpleNamespace(counters=lambda: broken("counters"))
        ticking = asyncio.ensure_future(proxy._tick(front, app))
        while len(seen) < 6:
            await asyncio.sleep(0)
        ticking.cancel()

    monkeypatch.setattr(under_test, "TICK_S", 0.001)
    asyncio.run(asyncio.wait_for(play(), 20))
    assert seen[:6] == ["front", "pool", "counters"] * 2
    for what in ("the look at clients' connections", "the look at replicas' connections", "the count of requests"):
        assert f"{what} failed and goes on: Traceback" in caplog.text
