"""What Ray itself keeps: actors without anything of ours that start and lose actors, or follow one that does.

Ray's core worker keeps some 10 KiB of each actor that its process ever started, until the process ends. No controller
on Ray can do better, so this is measured in the same cluster at the same time and taken off what a controller grows by.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from dataclasses import dataclass
from typing import Any

import ray
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from bench.endurance.beside import Beside
from bench.endurance.heap import in_use, watch
from bench.endurance.slopes import Slope, slope

AT_ONCE = 4
EVERY_S = 3.0  # beside a load: about as often as the replicas of a soak are started
WARM_UP = 12  # rounds of that many starts; the first cost more, as in a controller
ROUND_S = 120.0


class Bare:
    """A replica as Ray sees it."""

    async def initialize(self, started: int) -> int:
        """Its process."""
        return os.getpid()

    async def wait_until_gone(self) -> None:
        """Never."""
        await asyncio.Event().wait()


class Starter:
    """Does with actors what a controller does with replicas, and tells who follows it."""

    def __init__(self) -> None:
        self.started = 0
        self._bare = ray.remote(Bare)
        self._here = _here()
        self._told = asyncio.Condition()
        self._version = 0

    async def start_and_lose(self, count: int) -> int:
        """So many more; how many there were."""
        await asyncio.gather(*(self._start_and_lose() for _ in range(count)))
        return self.started

    async def news(self, seen: int) -> int:
        """The newest version, as soon as it is a later one than was seen."""
        async with self._told:
            await self._told.wait_for(lambda: self._version > seen)
            return self._version

    async def _start_and_lose(self) -> None:
        self.started += 1
        options = {"name": f"bare-{os.getpid()}-{self.started}", "namespace": "bare", **self._here}
        actor = self._bare.options(max_concurrency=1000, max_restarts=0, lifetime="detached", **options).remote()
        pid = await actor.initialize.remote(self.started)
        gone = actor.wait_until_gone.remote()
        await self._tell()
        os.kill(pid, signal.SIGKILL)
        try:
            await gone
        except RayError:
            await self._tell()

    async def _tell(self) -> None:
        async with self._told:
            self._version += 1
            self._told.notify_all()


class Follower:
    """Hears of each start and each loss, as a proxy does, which has no handles of replicas either."""

    async def follow(self, starter: Any) -> None:
        """For as long as it lives."""
        seen = 0
        while True:
            seen = await starter.news.remote(seen)


@dataclass
class Counted:
    """An actor, and what its process had in use after how many starts."""

    actor: Any
    points: list[tuple[float, float]]

    def sample(self, starts: int) -> None:
        """Add one point."""
        used = ray.get(self.actor.__ray_call__.remote(in_use), timeout=ROUND_S)
        self.points.append((float(starts), float(used)))

    def per_start(self) -> Slope:
        """Bytes per start."""
        return slope(self.points)


def counted(actor: Any) -> Counted:
    """An actor whose process counts from now on what it has in use."""
    ray.get(actor.__ray_call__.remote(watch), timeout=ROUND_S)
    return Counted(actor, [])


class BareActors:
    """One that starts and loses actors, and one that follows it, all on this driver's node; a context manager."""

    def __enter__(self) -> BareActors:
        self.starter = ray.remote(Starter).options(max_concurrency=1000, **_here()).remote()
        self.follower = ray.remote(Follower).options(**_here()).remote()
        self._following = self.follower.follow.remote(self.starter)
        return self

    def __exit__(self, *exc: object) -> None:
        for actor in (self.follower, self.starter):
            ray.kill(actor)

    def lose(self, count: int) -> int:
        """Some more starts and losses; how many there were."""
        return int(ray.get(self.starter.start_and_lose.remote(count), timeout=ROUND_S))


class Losses(Beside):
    """Has one started and lost now and then, beside a load; a context manager.

    Attributes:
        at: when each was, in time.monotonic() seconds.
    """

    def __init__(self, bare: BareActors) -> None:
        super().__init__()
        self.at: list[float] = []
        self._bare = bare

    def _run(self) -> None:
        while not self._stop.wait(EVERY_S):
            try:
                self._bare.lose(1)
            except RayError as error:  # a control with too few starts tells nothing, and nothing is taken off
                print(f"a bare actor could not be started: {error!r}", file=sys.stderr)
            else:
                self.at.append(time.monotonic())


def _here() -> dict[str, Any]:
    node = ray.get_runtime_context().get_node_id()
    return {"num_cpus": 0, "scheduling_strategy": NodeAffinitySchedulingStrategy(node, soft=False)}
