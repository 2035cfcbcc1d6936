"""legacy.control.proxies: the proxies of each node, on a cluster that is not there."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from ray.exceptions import RayActorError

from legacy.cluster import Node
from legacy.control import proxies as module
from legacy.control import proxy_plan
from legacy.control.instance import InstanceStart
from legacy.control.proxies import Proxies
from legacy.http_options import HTTPOptions
from legacy.process import Process
from legacy.records import InstanceName, ProxyLook, ProxyStart, ProxyState
from tests.fakes_time import run_jumping

NODE = Node("n", "", True, {})
FIRST, SECOND = "SERVE_PROXY_ACTOR-n-0", "SERVE_PROXY_ACTOR-n-1"
ADDRESS = ("127.0.0.1", 8000)


class _Method:
    def __init__(self, call: Any) -> None:
        self.remote = call


class FakeProxy:
    """Stands for a proxy's actor; of those of one node the first that is alive has the port."""

    def __init__(self, start: ProxyStart, world: Launcher) -> None:
        self.start, self.world = start, world
        self.state = ProxyState.STARTING
        self.stopped = self.dead = False
        self.news = asyncio.Event()

    def __getattr__(self, name: str) -> _Method:
        return _Method(getattr(self, f"_{name}"))

    def become(self, state: ProxyState) -> None:
        self.state = state
        self.news.set()
        self.news = asyncio.Event()

    async def _look(self, seen: ProxyState) -> ProxyLook:
        while self.state is seen or self.stopped:
            await self.news.wait()
        if self.dead:
            raise RayActorError
        error = OSError("the port is taken") if self.state is ProxyState.FAILED else None
        address = ADDRESS if self.state is ProxyState.RUNNING else None
        return ProxyLook(self.state, Process(1, self.start.name), address, error)

    async def _end(self, process: Process) -> bool:
        self.world.log.append(f"{self.start.name} ends {process.began}")
        return True

    async def _stop(self) -> None:
        self.world.log.append(f"stop {self.start.name}")


class Launcher:
    def __init__(self) -> None:
        self.actors: dict[str, FakeProxy] = {}
        self.cpus: dict[str, float] = {}
        self.log: list[str] = []

    def find(self, name: str) -> FakeProxy | None:
        return self.actors.get(name)

    def start_proxy(self, start: ProxyStart, num_cpus: float) -> FakeProxy:
        self.actors[start.name] = FakeProxy(start, self)
        self.cpus[start.name] = num_cpus
        return self.actors[start.name]

    def kill(self, actor: FakeProxy) -> None:
        self.log.append(f"kill {actor.start.name}")

    def restart(self, actor: FakeProxy) -> None:
        self.log.append(f"restart {actor.start.name}")


def proxies(launcher: Launcher, **options: Any) -> Proxies:
    name = InstanceName("c", "ns")
    start = InstanceStart(
        name, HTTPOptions(**{"standby_after_s": 0, **options}), b"", "secret", "/run/serve", None, 5.0
    )
    return Proxies(launcher, start)


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def pair(launcher: Launcher, **options: Any) -> Proxies:
    """Both proxies of a node: the first listens, the second stands by."""
    made = proxies(launcher, **options)
    made.nodes_changed([NODE])
    launcher.actors[FIRST].become(ProxyState.RUNNING)
    await settle()
    made.nodes_changed([NODE])
    launcher.actors[SECOND].become(ProxyState.STANDBY)
    await settle()
    return made


def test_a_node_is_ready_when_one_of_its_proxies_listens():
    async def play() -> None:
        launcher = Launcher()
        made = await pair(launcher)
        assert await made.ready() == {"n": ADDRESS}
        assert made.states() == {FIRST: "RUNNING", SECOND: "STANDBY"}

    run_jumping(play())


def test_there_is_one_proxy_until_the_node_is_served_and_both_reserve_cpus_once():
    async def play() -> None:
        launcher = Launcher()
        made = proxies(launcher, num_cpus=2)
        for _ in range(3):
            made.nodes_changed([NODE])
            await settle()
        assert list(launcher.actors) == [FIRST]
        launcher.actors[FIRST].become(ProxyState.RUNNING)
        await settle()
        made.nodes_changed([NODE])
        assert launcher.cpus == {FIRST: 2, SECOND: 0}

    run_jumping(play())


@pytest.mark.parametrize("options", [{"standby_after_s": None}, {"port": 0}])
def test_a_proxy_that_stays_alone_needs_no_lock(options: dict[str, Any]):
    async def play() -> None:
        launcher = Launcher()
        made = proxies(launcher, **options)
        made.nodes_changed([NODE])
        launcher.actors[FIRST].become(ProxyState.RUNNING)
        await settle()
        made.nodes_changed([NODE])
        assert [actor.start.run_dir for actor in launcher.actors.values()] == [""]

    run_jumping(play())


def test_when_one_dies_the_other_serves_the_node_and_the_dead_one_comes_back_behind_it():
    async def play() -> None:
        launcher = Launcher()
        made = await pair(launcher)
        first, second = launcher.actors.values()
        first.dead = True
        first.become(ProxyState.STARTING)
        second.become(ProxyState.RUNNING)
        await settle()
        assert made.states() == {FIRST: "STANDBY (starting)", SECOND: "RUNNING"}
        assert await made.ready() == {"n": ADDRESS}
        first.dead = False
        await asyncio.sleep(module.AGAIN_S)
        first.become(ProxyState.STANDBY)
        await settle()
        assert made.states() == {FIRST: "STANDBY", SECOND: "RUNNING"}
        assert made.actors() == {FIRST: first, SECOND: second}

    run_jumping(play())


def test_a_proxy_that_ray_gave_up_is_made_anew(monkeypatch):
    monkeypatch.setattr(module, "ANEW_S", 0.01)

    async def play() -> None:
        launcher = Launcher()
        made = await pair(launcher)
        second = launcher.actors.pop(SECOND)
        second.dead = True
        second.become(ProxyState.STARTING)
        await asyncio.sleep(2 * module.AGAIN_S)
        assert made.actors()[SECOND] is launcher.actors[SECOND] is not second

    run_jumping(play())


@pytest.mark.parametrize(("hung", "ended"), [(FIRST, f"{SECOND} ends {FIRST}"), (SECOND, f"{FIRST} ends {SECOND}")])
def test_one_that_does_not_answer_any_more_is_ended_by_the_other(monkeypatch, hung: str, ended: str):
    monkeypatch.setattr(module, "ANSWER_S", 0.05)

    async def play() -> None:
        launcher = Launcher()
        made = await pair(launcher)
        launcher.actors[hung].stopped = True
        other = launcher.actors[SECOND if hung == FIRST else FIRST]
        for _ in range(10):
            await asyncio.sleep(0.03)
            other.become(ProxyState.STANDBY if other.state is ProxyState.RUNNING else ProxyState.RUNNING)
        assert launcher.log[0] == ended
        await made.stop()

    run_jumping(play())


def test_one_that_is_alone_and_does_not_answer_is_restarted_and_one_that_starts_may_take_its_time(monkeypatch):
    monkeypatch.setattr(module, "ANSWER_S", 0.02)

    async def play() -> None:
        launcher = Launcher()
        made = proxies(launcher, standby_after_s=None)
        made.nodes_changed([NODE])
        await asyncio.sleep(0.2)
        assert launcher.log == []
        launcher.actors[FIRST].become(ProxyState.RUNNING)
        await settle()
        launcher.actors[FIRST].stopped = True
        await asyncio.sleep(0.2)
        assert launcher.log == [f"restart {FIRST}"]
        await made.stop()

    run_jumping(play())


def test_one_that_hangs_while_it_starts_is_restarted_by_ray_since_no_process_of_it_is_known(monkeypatch):
    monkeypatch.setattr(module, "ANSWER_S", 0.05)
    monkeypatch.setattr(proxy_plan, "STARTING_MISSES", 4)

    async def play() -> None:
        launcher = Launcher()
        made = proxies(launcher)
        made.nodes_changed([NODE])
        first = launcher.actors[FIRST]
        first.become(ProxyState.RUNNING)
        await settle()
        made.nodes_changed([NODE])
        while not launcher.log:
            await asyncio.sleep(0.01)
            first.become(ProxyState.STANDBY if first.state is ProxyState.RUNNING else ProxyState.RUNNING)
        assert launcher.log == [f"restart {SECOND}"]
        await made.stop()

    run_jumping(asyncio.wait_for(play(), 10))


def test_all_are_told_to_stop_before_one_is_killed():
    async def play() -> None:
        launcher = Launcher()
        made = await pair(launcher)
        await made.stop()
        assert launcher.log == [f"stop {FIRST}", f"stop {SECOND}", f"kill {FIRST}", f"kill {SECOND}"]
        assert made.states() == {}

    run_jumping(play())


def test_the_end_does_not_wait_for_a_proxy_that_only_starts():
    async def play() -> None:
        launcher = Launcher()
        made = await pair(launcher)
        launcher.actors[SECOND].dead = True
        launcher.actors[SECOND].become(ProxyState.STARTING)
        await settle()
        await made.stop()
        assert launcher.log == [f"kill {SECOND}", f"stop {FIRST}", f"kill {FIRST}"]

    run_jumping(play())


def test_the_next_controller_finds_both():
    async def play() -> None:
        launcher = Launcher()
        await pair(launcher)
        launcher.actors[FIRST].become(ProxyState.STANDBY)
        launcher.actors[SECOND].become(ProxyState.RUNNING)
        found = dict(launcher.actors)
        made = proxies(launcher)
        made.nodes_changed([NODE])
        assert await made.ready() == {"n": ADDRESS}
        await settle()
        assert made.actors() == found
        assert made.states() == {FIRST: "STANDBY", SECOND: "RUNNING"}

    run_jumping(play())


def test_a_node_that_is_not_chosen_any_more_loses_its_proxies():
    async def play() -> None:
        launcher = Launcher()
        made = await pair(launcher)
        made.nodes_changed([])
        await settle()
        assert launcher.log[-2:] == [f"kill {FIRST}", f"kill {SECOND}"]
        assert made.states() == {}

    run_jumping(play())


def test_the_error_of_a_port_that_is_taken_reaches_who_starts_the_instance():
    async def play() -> None:
        launcher = Launcher()
        made = proxies(launcher)
        made.nodes_changed([NODE])
        waiting = asyncio.ensure_future(made.ready())
        await settle()
        launcher.actors[FIRST].become(ProxyState.FAILED)
        with pytest.raises(OSError, match="taken"):
            await waiting
        assert made.states() == {FIRST: "OSError: the port is taken"}

    run_jumping(play())


def test_a_proxy_is_watched_on_whatever_went_wrong(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture):
    monkeypatch.setattr("legacy.control.proxies.ANEW_S", 0.001)

    async def play() -> None:
        launcher = Launcher()
        made = proxies(launcher)
        made.nodes_changed([NODE])
        first, look = launcher.actors[FIRST], launcher.actors[FIRST]._look

        async def fail_once(seen: ProxyState) -> ProxyLook:
            monkeypatch.setattr(first, "_look", look)
            raise ConnectionError("the GCS is away")

        monkeypatch.setattr(first, "_look", fail_once)
        first.become(ProxyState.RUNNING)
        assert await asyncio.wait_for(made.ready(), 5) == {"n": ADDRESS}
        await made.stop()

    run_jumping(play())
    assert f"the watch over {FIRST} failed and goes on: Traceback" in caplog.text
