"""A new version of ten replicas, seen by routers that never stop using them."""

import asyncio
import random
from dataclasses import replace

import pytest

from legacy.traffic.router import Router
from legacy.traffic.watcher import follow
from tests.fakes_control import World, run

REPLICAS, FEWEST = 10, 8  # a fifth may be missing


class Client:
    """Asks for a place at a replica again and again; notes the replicas that were told to stop before."""

    def __init__(self, world: World, name: str, kind: str, slow: random.Random) -> None:
        self.router = Router(1000)
        self.served = 0
        self.lost: list[str] = []
        self.routed: list[int] = []
        self._world = world
        self._slow = slow
        self.tasks = [
            asyncio.ensure_future(follow(self._poll, self.router, name, kind, self._applied)),
            asyncio.ensure_future(self._ask()),
        ]

    async def _poll(self, poll):
        for _ in range(self._slow.randrange(5)):  # news takes its time
            await asyncio.sleep(0)
        return await self._world.publisher.watch(poll, 10)

    def _applied(self, update):
        if update.backends.get("a") is not None:
            self.routed.append(len(update.backends["a"].replicas))

    async def _ask(self):
        while True:
            replica = self.router.slots("a").take()
            await asyncio.sleep(0)
            if replica is None:
                continue
            actor = self._world.launcher.actors.get(replica.tag)
            if actor is None or actor.drained_with is not None:
                self.lost.append(replica.tag)
            self.served += 1
            self.router.slots("a").give_back(replica.tag)


@pytest.mark.parametrize("kind", ["proxy", "handle"])
def test_no_request_goes_to_a_replica_that_was_told_to_stop_and_enough_of_them_serve(kind):
    async def scenario(world):
        world.publisher.open()
        record = world.create("a", num_replicas=REPLICAS)
        await world.reconciler.settled("a", "c1")
        clients = [Client(world, f"r{number}", kind, random.Random(number)) for number in range(3)]
        while not all(client.served for client in clients):
            await asyncio.sleep(0)
        living = watch_living(world)
        new = replace(record, version="2", revision="c2")
        world.desired.restore(new)
        world.reconciler.begin("a")
        await world.reconciler.settled("a", "c2")
        served = [client.served for client in clients]
        while not all(client.served > before for client, before in zip(clients, served, strict=True)):
            await asyncio.sleep(0)
        for client in clients:
            for task in client.tasks:
                task.cancel()
        return clients, living, world.launcher.started

    clients, living, started = run(scenario)
    assert started == 2 * REPLICAS
    assert max(living) <= REPLICAS
    for client in clients:
        assert client.lost == []
        assert min(client.routed) >= FEWEST


def watch_living(world):
    """How many actors there are right after each start."""
    living, start = [], world.launcher.start_replica

    def noting(*arguments):
        actor = start(*arguments)
        living.append(len(world.launcher.actors))
        return actor

    world.launcher.start_replica = noting
    return living
