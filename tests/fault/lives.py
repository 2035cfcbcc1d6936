"""The real controller on a cluster that is not there, killed after its n-th effect on the world around it.

An effect is a write to the store, a replica's actor made, or one killed. What a SIGKILL leaves behind is exactly a
prefix of them, so trying every n tries every crash point, and production code needs no hooks for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from legacy.cluster import Node
from legacy.control import checkpoint, commands, controller, deployment_commands
from legacy.control.controller import ServeController
from legacy.control.instance import InstanceStart
from legacy.http_options import DeploymentMode, HTTPOptions
from legacy.records import InstanceName
from tests.fakes_control import DictKeyValue, FakeLauncher

ROOT = "ns/ctl/"
SETTLE_S = 20.0
START = InstanceStart(
    InstanceName("ctl", "ns"), HTTPOptions(location=DeploymentMode.NoServer), b"", "secret", "/run", None, 5.0
)

Command = Callable[[ServeController], Awaitable[Any]]


class KilledError(BaseException):
    """The process is gone: no handler of the controller's own may go on after it."""


class Mortal:
    """Passes calls on to a fake until the controller that makes them is dead.

    Args:
        effects: the names of the methods that change the world.
        life: counts them and says when it is over.
    """

    def __init__(self, fake: Any, effects: tuple[str, ...], life: Life) -> None:
        self._fake, self._effects, self._life = fake, effects, life

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._fake, name)

        def call(*args: Any) -> Any:
            self._life.check()
            result = method(*args)
            if name in self._effects:
                self._life.count()
            return result

        return call


class World:
    """What outlives a controller: the store and the actors."""

    def __init__(self) -> None:
        self.kv = DictKeyValue()
        self.launcher = FakeLauncher()

    def stored(self, kind: str) -> list[Any]:
        """The readable records of a kind."""
        keys = sorted(self.kv.keys(f"{ROOT}{kind}/"))
        return [checkpoint.decode(key, self.kv.data[key]) for key in keys]


class Life:
    """One controller process from its start to its death.

    Args:
        world: what it works on.
        effects: after so many effects it dies; None lives for ever.
    """

    def __init__(self, world: World, effects: int | None = None) -> None:
        self.world = world
        self._left = effects
        self.dead = asyncio.Event()
        self._before = asyncio.all_tasks()
        asyncio.get_running_loop().set_exception_handler(_unless_killed)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(controller, "GcsKeyValue", lambda: Mortal(world.kv, ("put", "delete"), self))
            patch.setattr(controller, "RayLauncher", lambda *_: Mortal(world.launcher, ("start_replica", "kill"), self))
            self.controller = ServeController(START)

    def check(self) -> None:
        if self.dead.is_set():
            raise KilledError
        if self._left == 0:
            self.dead.set()
            raise KilledError

    def count(self) -> None:
        if self._left is not None:
            self._left -= 1
            self.check()

    async def run(self, command: Command) -> Any:
        """The command's answer, its error, or KilledError when the controller died first."""
        task = asyncio.ensure_future(command(self.controller))
        dying = asyncio.ensure_future(self.dead.wait())
        await asyncio.wait((task, dying), return_when=asyncio.FIRST_COMPLETED)
        dying.cancel()
        if self.dead.is_set():
            self.end()
            await asyncio.gather(task, return_exceptions=True)
            return KilledError()
        return task.exception() or task.result()

    def end(self) -> None:
        """Stop whatever it was doing; nothing of it has an effect any more."""
        self.dead.set()
        for task in asyncio.all_tasks() - self._before - {asyncio.current_task()}:
            task.cancel()

    async def settle(self) -> None:
        """Wait until what runs is what is wanted."""
        await self.controller._recovered
        deadline = asyncio.get_running_loop().time() + SETTLE_S
        while not self._settled():
            assert asyncio.get_running_loop().time() < deadline, self.state()
            await asyncio.sleep(0)

    def _settled(self) -> bool:
        desired, reconciler = self.controller._desired, self.controller._reconciler
        fleets = reconciler.fleets()
        if set(fleets) != set(desired.backends) or self._codes() != desired.code_keys():
            return False
        return all(
            record.confirmed and reconciler._is_settled(record, fleets[tag]) for tag, record in desired.backends.items()
        )

    def state(self) -> dict[str, Any]:
        """What an onlooker can tell apart, from every side that keeps a copy of it."""
        desired = self.controller._desired
        update = self.controller._publisher.log.since("", 0)
        return {
            "backends": {tag: _backend(record) for tag, record in desired.backends.items()},
            "endpoints": {name: record.endpoint for name, record in desired.endpoints.items()},
            "stored backends": {record.tag: _backend(record) for record in self.world.stored("backend")},
            "stored endpoints": {record.endpoint.name: record.endpoint for record in self.world.stored("endpoint")},
            "published endpoints": update.endpoints,
            "routed": {tag: len(view.replicas) for tag, view in update.backends.items() if view is not None},
            "actors": _count(actor.start.spec.tag for actor in self.world.launcher.actors.values()),
            "heard": {(actor.start.spec.tag, str(_config(actor))) for actor in self.world.launcher.actors.values()},
        }

    def _codes(self) -> set[str]:
        return {key.rsplit("/", 1)[1] for key in self.world.kv.keys(f"{ROOT}code/")}

    def check_nothing_is_left_over(self) -> None:
        """Records, code and actors belong together one to one."""
        actors = set(self.world.launcher.actors)
        assert {record.tag for record in self.world.stored("replica")} == actors
        assert self._codes() == {record.code_key for record in self.world.stored("backend")}
        update = self.controller._publisher.log.since("", 0)
        assert {replica.tag for view in update.backends.values() if view for replica in view.replicas} == actors


def _unless_killed(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    if not isinstance(context.get("exception"), KilledError):
        loop.default_exception_handler(context)


@pytest.fixture
def no_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the controller asks Ray about the cluster's nodes and room."""

    async def room(*_: Any) -> None:
        return None

    async def yes(*_: Any) -> bool:
        return True

    monkeypatch.setattr(controller.cluster, "living_nodes", lambda: [Node("node", "127.0.0.1", True, {})])
    monkeypatch.setattr(controller.cluster, "exit_this_actor", lambda: None)
    monkeypatch.setattr(controller.cluster, "this_actor", lambda: "actor")
    monkeypatch.setattr(commands, "check_capacity", room)
    monkeypatch.setattr(commands, "has_capacity", yes)
    monkeypatch.setattr(deployment_commands, "has_capacity", yes)


def _backend(record: Any) -> tuple[int, Any]:
    return record.config.num_replicas, record.config.user_config


def _config(actor: Any) -> Any:
    accepted = [config for config in actor.configs if not actor.fleet.refuses(config)]
    return (accepted[-1] if accepted else actor.start.spec.config).user_config


def _count(tags: Iterator[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for tag in tags:
        found[tag] = found.get(tag, 0) + 1
    return found
