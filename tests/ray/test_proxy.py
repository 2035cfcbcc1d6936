"""The proxy as an actor: it binds after the first snapshot, comes back by itself and says when it cannot listen."""

from __future__ import annotations

import asyncio
import os
import pickle
import re
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import ray
import requests

from legacy.generations import V1_2
from legacy.http_options import HTTPOptions
from legacy.ingress.proxy import ServeProxy
from legacy.records import Endpoint, InstanceName, Poll, ProxyLook, ProxyStart, ProxyState, Update


class FakeController:
    """Publishes one snapshot, from the moment it is told to."""

    def __init__(self) -> None:
        self._told = asyncio.Event()
        endpoint = Endpoint("e", "/e", ("GET",), {"b": 1.0}, generation=V1_2)
        self._update = Update("epoch", 1, True, {"e": endpoint}, {})
        self.polls: list[Poll] = []

    async def publish(self) -> None:
        self._told.set()

    async def seen(self) -> int:
        return max((poll.seen for poll in self.polls), default=-1)

    async def serve_compat_instance(self) -> None:
        """What a controller of ours is known by."""

    async def watch(self, poll: Poll) -> Update:
        self.polls.append(poll)
        await self._told.wait()
        if poll.seen >= 1:
            await asyncio.sleep(1)
        return self._update if poll.seen < 1 else Update("epoch", 1, False)


@pytest.fixture(scope="module")
def controller(own_cluster: None) -> Iterator[Any]:
    ray.init(address="local", num_cpus=4, include_dashboard=False, namespace="test_proxy")
    yield ray.remote(FakeController).options(name="controller", max_concurrency=100).remote()
    ray.shutdown()


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def start_proxy(port: int, run_dir: str = "") -> Any:
    node, options = ray.get_runtime_context().get_node_id(), pickle.dumps(HTTPOptions(port=port))
    start = ProxyStart("proxy", node, InstanceName("controller", "test_proxy"), options, run_dir)
    return ray.remote(ServeProxy).options(max_restarts=-1, max_concurrency=1000, num_cpus=0).remote(start)


def test_the_life_of_a_proxy(controller: Any) -> None:
    port = free_port()
    proxy = start_proxy(port)
    assert look(proxy).state is ProxyState.STARTING
    with pytest.raises(requests.ConnectionError):
        requests.get(f"http://127.0.0.1:{port}/e", timeout=1)
    ray.get(controller.publish.remote())
    assert after(proxy, ProxyState.STARTING).address == ("127.0.0.1", port)
    routes = requests.get(f"http://127.0.0.1:{port}/-/routes", timeout=5).json()
    assert routes == {"/e": ["e", ["GET"]]}

    killed = ray.get(proxy.__ray_call__.remote(lambda self: os.getpid()))
    os.kill(killed, signal.SIGKILL)
    assert answers_again(port) < 15
    assert requests.get(f"http://127.0.0.1:{port}/-/routes", timeout=5).json() == routes

    second = start_proxy(port)
    assert re.search(f"127.0.0.1:{port}.*http_options", str(after(second, ProxyState.STARTING).error))
    ray.kill(second)

    ray.get(proxy.stop.remote(), timeout=10)
    with pytest.raises(requests.ConnectionError):
        requests.get(f"http://127.0.0.1:{port}/e", timeout=1)
    ray.kill(proxy)


def test_of_two_proxies_of_a_node_one_listens_and_the_other_takes_over(controller: Any, tmp_path: Path) -> None:
    port = free_port()
    ray.get(controller.publish.remote())
    first = start_proxy(port, str(tmp_path / "serve"))
    assert after(first, ProxyState.STARTING, ProxyState.STANDBY).state is ProxyState.RUNNING
    second = start_proxy(port, str(tmp_path / "serve"))
    assert after(second, ProxyState.STARTING).state is ProxyState.STANDBY
    assert ray.get(second.end.remote(look(first).process))
    assert after(second, ProxyState.STANDBY).address == ("127.0.0.1", port)
    assert requests.get(f"http://127.0.0.1:{port}/-/routes", timeout=5).json() == {"/e": ["e", ["GET"]]}
    ray.kill(first)  # it comes back
    ray.get(second.stop.remote(), timeout=30)
    assert list(tmp_path.iterdir()) == []
    ray.kill(second)


def look(proxy: Any) -> ProxyLook:
    """What the proxy does now."""
    return ray.get(proxy.look.remote(None), timeout=30)


def after(proxy: Any, *states: ProxyState) -> ProxyLook:
    """What the proxy does when these states are over."""
    seen, deadline = states[0], time.monotonic() + 60
    while (found := ray.get(proxy.look.remote(seen), timeout=30)).state in states:
        assert time.monotonic() < deadline, found
        seen = found.state
    return found


def answers_again(port: int) -> float:
    """Seconds until the port answers."""
    begun = time.monotonic()
    while time.monotonic() - begun < 30:
        try:
            requests.get(f"http://127.0.0.1:{port}/-/healthz", timeout=1)
            return time.monotonic() - begun
        except requests.RequestException:
            time.sleep(0.05)
    return time.monotonic() - begun
