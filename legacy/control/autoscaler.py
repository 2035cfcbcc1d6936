"""Measures the load of backends that scale by themselves and applies what `autoscale` decides."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from legacy.config import AutoscalingConfig
from legacy.control.autoscale import LoadWindow, Patience, decide, desired_replicas
from legacy.control.changes import Changes
from legacy.control.registered import BackendRecord, enough_for_a_proof
from legacy.logs import logger

TICK_S = 0.1  # Ray 1.8-2.3 decide ten times a second
ASLEEP_S = 0.5  # how fresh routers' queues are while a backend has no replica
ASK_S = 5.0


@dataclass
class _Memory:
    window: LoadWindow
    config: AutoscalingConfig
    patience: Patience = field(default_factory=Patience)
    next_look: float = 0.0
    asking: asyncio.Task[None] | None = None
    replica_load: float = 0.0


class Autoscaler:
    """Looks after all backends with an autoscaling config. One event loop.

    The load of a backend is what routers have queued and in flight for it, or, where that is more (a router died),
    what its replicas say they are working on. A change that has a replica keeps one until it is in force: without any
    it would be at once, also where its replicas have failed.
    """

    def __init__(self, changes: Changes) -> None:
        self._changes = changes
        self._memories: dict[str, _Memory] = {}

    async def run(self) -> None:
        """Decide for ever."""
        while True:
            await asyncio.sleep(TICK_S)
            try:
                await self.step(asyncio.get_running_loop().time())
            except Exception:  # one bad look must not stop autoscaling
                logger.exception("autoscaling failed; trying again")

    async def step(self, now: float) -> None:
        """One decision for every backend that scales by itself."""
        backends = self._changes.desired.backends
        for tag in self._memories.keys() - backends.keys():
            del self._memories[tag]
        for tag, record in list(backends.items()):
            config = record.config.autoscaling_config
            if config is None:
                self._memories.pop(tag, None)
            else:
                await self._look(tag, record, config, now)

    def poll_patience(self, otherwise_s: float) -> float:
        """How long routers' polls may wait, so that their queues are known as fresh as autoscaling needs them."""
        waits = [otherwise_s]
        for tag, memory in self._memories.items():
            record = self._changes.desired.backends.get(tag)
            asleep = record is not None and record.replicas == 0
            waits.append(min(memory.config.metrics_interval_s, ASLEEP_S if asleep else otherwise_s))
        return min(waits)

    async def _look(self, tag: str, record: BackendRecord, config: AutoscalingConfig, now: float) -> None:
        memory = self._memories.get(tag)
        if memory is None:
            memory = self._memories[tag] = _Memory(LoadWindow(config.look_back_period_s), config)
        elif memory.config != config:
            memory.config, memory.window = config, memory.window.resized(config.look_back_period_s)
        if now >= memory.next_look:
            memory.next_look = now + config.metrics_interval_s
            if memory.asking is None or memory.asking.done():
                memory.asking = asyncio.ensure_future(self._ask_replicas(tag, memory))
            memory.window.add(now, max(float(self._changes.publisher.load(tag)), memory.replica_load))
        elif record.replicas == 0 and self._changes.publisher.load(tag):
            memory.window.add(now, float(self._changes.publisher.load(tag)))
        mean = memory.window.mean()
        if mean is None:
            return
        fleet = self._changes.reconciler.fleets().get(tag)
        running = 0 if fleet is None else len(fleet.serving)
        if running == 0 and record.replicas > 0:
            return  # on their way
        desired = desired_replicas(config, running, mean)
        if not record.confirmed:  # what runs may be of the version before: without a replica nothing proves the new one
            desired = enough_for_a_proof(desired, record)
        decision = decide(config, record.replicas, desired, memory.patience, now)
        memory.patience = decision.patience
        if decision.target != record.replicas:
            logger.info("autoscaling backend %r from %d to %d replicas", tag, record.replicas, decision.target)
            await self._changes.scale(tag, decision.target)

    async def _ask_replicas(self, tag: str, memory: _Memory) -> None:
        fleet = self._changes.reconciler.fleets().get(tag)
        actors = [] if fleet is None else [live.actor for live in fleet.replicas.values() if live.address is not None]
        asked = [asyncio.wait_for(actor.load.remote(), ASK_S) for actor in actors]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        memory.replica_load = float(sum(load for load in answers if isinstance(load, int)))
