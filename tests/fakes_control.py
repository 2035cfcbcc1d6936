"""A cluster that is not there: a key-value store in a dict and replicas that start, drain and die on demand."""

from __future__ import annotations

import asyncio
from typing import Any

import ray.exceptions

from legacy.code_files import CodeFiles
from legacy.config import BackendConfig
from legacy.control.desired import Desired
from legacy.control.environments import Environments
from legacy.control.instance import InstanceStart
from legacy.control.large_codes import LargeCodes
from legacy.control.publish import Publisher
from legacy.control.reconcile import Reconciler
from legacy.control.store import Store
from legacy.control.tools import Tools
from legacy.generations import V1_2, Generation
from legacy.http_options import HTTPOptions
from legacy.records import BackendSpec, InstanceName, ReplicaAddress, ReplicaStart, StartFailure

START_TIMEOUT_S = 5.0


class DictKeyValue:
    def __init__(self):
        self.data: dict[str, bytes] = {}
        self.writes = 0

    def put(self, key, value):
        self.data[key] = value
        self.writes += 1

    def get(self, key):
        return self.data.get(key)

    def delete(self, key):
        self.data.pop(key, None)

    def keys(self, prefix):
        return [key for key in self.data if key.startswith(prefix)]


class _Method:
    def __init__(self, call):
        self.remote = call


class FakeReplica:
    """Stands for a replica's actor handle; its methods answer at once unless a gate is closed."""

    def __init__(self, start: ReplicaStart, fleet: FakeLauncher):
        self.start = start
        self.fleet = fleet
        self.dead = asyncio.Event()
        self.hung = asyncio.Event()
        self.configs: list[BackendConfig] = []
        self.drained_with: float | None = None

    def __getattr__(self, name):
        return _Method(getattr(self, f"_{name}"))

    async def _initialize(self) -> Any:
        await self._unless_dead(self.fleet.may_start.wait())
        if self.fleet.failure:
            return StartFailure(self.start.tag, self.fleet.failure, "Traceback ...")
        return ReplicaAddress(self.start.tag, self.start.spec.tag, "node", 1, f"/run/{self.start.tag}")

    async def _reconfigure(self, config):
        self.configs.append(config)
        if self.fleet.refuses(config):
            return StartFailure(self.start.tag, "ValueError: refused", "", "reconfigure")
        return None

    async def _drain(self, timeout_s):
        self.drained_with = timeout_s
        await self._unless_dead(self.fleet.may_stop.wait())

    async def _wait_until_gone(self):
        await self._unless_dead(self.hung.wait())
        return "user code is in a deadlock"

    async def _alive(self):
        if self.fleet.silent:
            await self._unless_dead(asyncio.Event().wait())

    async def _check_health(self, timeout_s):
        if self.fleet.silent:
            await self._unless_dead(asyncio.Event().wait())
        if self.fleet.sick(self):
            raise ray.exceptions.RayTaskError("check_health", "Traceback ...", ValueError("sick"))
        return True

    async def _stop(self):
        return None

    async def _load(self):
        if self.fleet.silent:
            await self._unless_dead(asyncio.Event().wait())
        return 0

    async def _open_tcp(self):
        return "10.0.0.1", 4000

    async def _unless_dead(self, wait):
        waiting = [asyncio.ensure_future(wait), asyncio.ensure_future(self.dead.wait())]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()
        if self.dead.is_set():
            raise ray.exceptions.RayActorError()


class FakeLauncher:
    def __init__(self):
        self.actors: dict[str, FakeReplica] = {}
        self.started = 0
        self.may_start = asyncio.Event()
        self.may_stop = asyncio.Event()
        self.computes = False
        self.may_start.set()
        self.may_stop.set()
        self.failure = ""
        self.lack = ""
        self.sick = lambda replica: False
        self.silent = False
        self.refuses = lambda config: False

    async def lacking(self, actor_options, count):
        return self.lack

    async def is_waiting(self, actor):
        return bool(self.lack)

    def start_replica(self, start, actor_options):
        self.started += 1
        self.actors[start.tag] = FakeReplica(start, self)
        return self.actors[start.tag]

    def find(self, name):
        return self.actors.get(name)

    async def is_working(self, address):
        return self.computes

    def kill(self, actor):
        actor.dead.set()
        self.actors.pop(actor.start.tag, None)


class World:
    """One instance's control plane on fakes. Make it inside a running event loop."""

    def __init__(self, kv: DictKeyValue | None = None, launcher: FakeLauncher | None = None):
        self.kv = kv or DictKeyValue()
        self.launcher = launcher or FakeLauncher()
        self.desired = Desired()
        self.store = Store(InstanceName("ctl", "ns"), self.kv, LargeCodes(CodeFiles("/run/serve-none", "1")))
        self.publisher = Publisher("epoch", "secret")
        self.environments = Environments(self.launcher, "/run/serve")
        instance = InstanceStart(
            InstanceName("ctl", "ns"), HTTPOptions(), b"", "secret", "/run/serve", None, START_TIMEOUT_S
        )
        tools = Tools(self.store, self.publisher, self.launcher, self.environments, START_TIMEOUT_S, self._has_room)
        self.reconciler = Reconciler(self.desired, instance, tools)
        self.loop_task = asyncio.ensure_future(self.reconciler.run())
        self.room = True

    async def _has_room(self, options):
        return self.room

    def create(self, tag: str, command: str = "c1", **config):
        record = self.desired.create_backend(command, spec(tag, **config), self.store.save_code(b"code"))
        self.desired.restore(record)
        self.reconciler.begin(tag)
        return record

    def update(self, tag: str, command: str, **changes):
        record = self.desired.update_backend(command, tag, changes)
        self.desired.restore(record)
        self.reconciler.begin(tag)
        return record

    def replicas(self, tag: str):
        fleet = self.reconciler.fleets().get(tag)
        return {} if fleet is None else {name: live.seen for name, live in fleet.replicas.items()}

    def routed(self, tag: str):
        view = self.publisher.log.since("", 0).backends.get(tag)
        return [] if view is None else [replica.tag for replica in view.replicas]


def spec(tag: str, version: str | None = None, generation: Generation = V1_2, **config) -> BackendSpec:
    return BackendSpec(
        tag, b"code", True, BackendConfig(**{"max_concurrent_queries": 8, **config}), {}, generation, version
    )


def run(scenario):
    """Run a coroutine function with a fresh World on a fresh loop, bounded in time."""

    async def main():
        world = World()
        try:
            return await asyncio.wait_for(scenario(world), 20)
        finally:
            world.loop_task.cancel()

    return asyncio.run(main())
