import asyncio

import pytest

from legacy.control import capacity, room
from legacy.control.status import status_of
from tests.fakes_control import run


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    monkeypatch.setattr(room, "SOON_S", 0.0)
    monkeypatch.setattr(room, "LOOK_S", 0.0)


async def until(condition):
    while not condition():
        await asyncio.sleep(0)


def test_what_replicas_lack_is_said_until_there_is_room():
    async def scenario(world):
        world.launcher.lack = "each needs {'CPU': 1.0}"
        world.launcher.may_start.clear()
        record = world.create("a", num_replicas=2)
        await until(lambda: world.reconciler.fleets()["a"].waits_for.startswith("2 of"))
        said = status_of(record, world.reconciler.fleets()["a"])
        world.launcher.lack = ""
        await until(lambda: not world.reconciler.fleets()["a"].waits_for)
        world.launcher.may_start.set()
        await world.reconciler.settled("a", "c1")
        return said

    word, why = run(scenario)
    wait = "2 of its replicas wait for room in the cluster: each needs {'CPU': 1.0}"
    assert (word, why) == ("UPDATING", f"0 of 2 replicas run; {wait}")


def test_after_one_has_gone_the_next_is_given_time_to_show_that_it_has_its_room():
    async def scenario(world):
        world.create("a")
        await world.reconciler.settled("a", "c1")
        world.launcher.lack = "its room is not seen to be free"
        world.launcher.may_start.clear()
        world.launcher.kill(next(iter(world.launcher.actors.values())))
        await until(lambda: world.launcher.started == 2)
        for _ in range(10):
            await asyncio.sleep(0)
        return world.reconciler.fleets()["a"].waits_for

    assert run(scenario) == ""


def test_a_replica_that_had_room_when_it_began_does_not_wait():
    async def scenario(world):
        world.launcher.may_start.clear()
        world.create("a")
        await until(lambda: world.launcher.started)
        await asyncio.sleep(0)
        world.launcher.lack = "it has taken it itself"
        for _ in range(10):
            await asyncio.sleep(0)
        return world.reconciler.fleets()["a"].waits_for

    assert run(scenario) == ""


@pytest.mark.parametrize(
    ("free", "said"),
    [
        ({"n": {"CPU": 2.0}}, ""),
        ({"n": {"CPU": 1.0}, "m": {"CPU": 1.0}}, ""),
        (
            {"n": {"CPU": 1.0}, "m": {"memory": 5.0}},
            "each needs {'CPU': 1.0}, free on the nodes: {'CPU': 1.0}, {'CPU': 0.0}",
        ),
    ],
)
def test_what_is_lacking_is_told_by_need_and_by_what_is_free(monkeypatch, free, said):
    monkeypatch.setattr(capacity.cluster, "available_per_node", lambda: free)
    assert asyncio.run(capacity.lacking({"num_cpus": 1}, 2)) == said
