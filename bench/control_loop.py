"""The control loop on fakes: 10,000 replicas of 1,000 backends on 1,000 nodes, no cluster.

    python -m bench.control_loop

Prints one tick over everything, and what a change to one backend costs in the loop and in what is published, beside the
same change in an instance a hundred times smaller.
"""

from __future__ import annotations

import asyncio
import statistics
import time

from legacy.control.fleet import Live
from legacy.control.plan import Seen, State
from legacy.records import ReplicaAddress
from tests.fakes_control import FakeReplica, World

BACKENDS, PER_BACKEND, NODES = 1_000, 10, 1_000
SMALL = 10


def fill(world: World, backends: int) -> None:
    """Register backends whose replicas all run already, spread over the nodes."""
    number = 0
    for index in range(backends):
        tag = f"backend-{index}"
        record = world.create(tag, f"create-{index}", num_replicas=PER_BACKEND)
        fleet = world.reconciler.fleets()[tag]
        for _ in range(PER_BACKEND):
            name = f"{tag}#{number:06d}"
            address = ReplicaAddress(name, tag, f"node-{number % NODES}", number, f"/run/{number}")
            seen = Seen(name, record.version, record.stamp, State.RUNNING, number)
            actor = FakeReplica(None, world.launcher)  # type: ignore[arg-type]
            fleet.replicas[name] = Live(seen, tag, actor=actor, address=address)
            number += 1
    world.reconciler.step()


def tick(world: World) -> float:
    """Seconds for one look at every backend when nothing is to do."""
    for tag in world.desired.backends:
        world.reconciler.touch(tag)
    begun = time.perf_counter()
    world.reconciler.step()
    return time.perf_counter() - begun


def one_change(world: World, turn: int) -> tuple[float, int]:
    """Seconds of the loop and number of published keys for a changed limit of one backend."""
    seen = world.publisher.version
    begun = time.perf_counter()
    world.update("backend-1", f"change-{turn}", max_concurrent_queries=100 + turn)
    world.reconciler.step()
    news = world.publisher.log.since("epoch", seen)
    took = time.perf_counter() - begun
    return took, len(news.backends) + len(news.endpoints)


async def measure(backends: int) -> dict[str, float]:
    """All figures for an instance of that many backends; medians of nine."""
    world = World()
    world.loop_task.cancel()
    fill(world, backends)
    ticks = [tick(world) for _ in range(9)]
    changes = [one_change(world, turn) for turn in range(9)]
    for live in (live for fleet in world.reconciler.fleets().values() for live in fleet.replicas.values()):
        for task in live.tasks:
            task.cancel()
    return {
        "tick_ms": statistics.median(ticks) * 1e3,
        "change_ms": statistics.median(took for took, _ in changes) * 1e3,
        "published_keys": max(keys for _, keys in changes),
    }


def run() -> dict[str, dict[str, float]]:
    """The figures of the large and of the small instance."""
    return {"large": asyncio.run(measure(BACKENDS)), "small": asyncio.run(measure(SMALL))}


def main() -> None:
    """Print the figures."""
    found = run()
    large, small = found["large"], found["small"]
    print(f"one tick, {BACKENDS * PER_BACKEND} replicas, {BACKENDS} backends, {NODES} nodes: {large['tick_ms']:.1f} ms")
    print(
        f"a change to one backend, {BACKENDS} registered: {large['change_ms']:.3f} ms, {large['published_keys']:g} key"
    )
    print(f"a change to one backend, {SMALL} registered: {small['change_ms']:.3f} ms, {small['published_keys']:g} key")


if __name__ == "__main__":
    main()
