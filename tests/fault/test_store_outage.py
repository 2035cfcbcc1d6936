"""The store refuses every write for a while: routing goes on without dead replicas, and afterwards all is well."""

import asyncio
import contextlib

import pytest

from legacy.records import Poll
from tests.fault.commands import COMMANDS, bounded, populated, revived, state_after
from tests.fault.lives import Life, World, no_cluster  # noqa: F401 - a fixture

pytestmark = [pytest.mark.fault, pytest.mark.usefixtures("no_cluster")]


@pytest.fixture(autouse=True)
def _ask_again_soon(monkeypatch):
    monkeypatch.setattr("legacy.control.changes.RETRY_S", 0.01)
    monkeypatch.setattr("legacy.control.journal.RETRY_S", 0.01)


@contextlib.contextmanager
def store_away(world: World):
    put, delete = world.kv.put, world.kv.delete
    world.kv.put = world.kv.delete = _refuse
    yield
    world.kv.put, world.kv.delete = put, delete


def _refuse(*_):
    raise OSError("the GCS is away")


async def running() -> tuple[World, Life, dict]:
    world, _ = await populated()
    life = await revived(world)
    await life.settle()
    return world, life, life.state()


async def until(condition):
    async def look():
        while not condition():
            await asyncio.sleep(0)

    await asyncio.wait_for(look(), 10)


def routed(life, tag="a"):
    return life.state()["routed"][tag]


async def ends_well(life, state):
    await life.settle()
    await until(lambda: not life.controller._store.journal.behind)
    assert life.state() == state
    life.check_nothing_is_left_over()
    life.end()


def test_a_replica_that_dies_meanwhile_is_left_out_at_once_and_replaced_afterwards():
    async def scenario():
        world, life, before = await running()
        with store_away(world):
            victim = next(actor for actor in world.launcher.actors.values() if actor.start.spec.tag == "a")
            world.launcher.kill(victim)
            await until(lambda: routed(life) == 1)
            news = await life.controller.watch(Poll("proxy", "proxy", "", 0))
            assert len(news.backends["a"].replicas) == 1
        await ends_well(life, before)

    bounded(scenario)


def test_a_drain_that_is_under_way_ends():
    async def scenario():
        world, life, _ = await running()
        world.launcher.may_stop.clear()
        command = asyncio.ensure_future(COMMANDS["scale_down"](life.controller))
        await until(lambda: routed(life) == 1)
        with store_away(world):
            world.launcher.may_stop.set()
            await until(lambda: life.state()["actors"]["a"] == 1)
            await asyncio.wait((command,), timeout=0.05)
            assert not command.done()  # what a command promises is written before it returns
        await command
        await until(lambda: not life.controller._store.journal.behind)
        assert len([record for record in world.stored("replica") if record.backend == "a"]) == 1
        life.end()

    bounded(scenario)


def test_routers_that_come_and_go_meanwhile_are_served():
    async def scenario():
        world, life, before = await running()
        with store_away(world):
            news = await life.controller.watch(Poll("handle-1", "handle", "", 0))
            assert set(news.backends) == {"a", "b", "d"}
            await life.controller.leave("handle-1")
        await ends_well(life, before)

    bounded(scenario)


def test_a_replica_that_could_not_be_recorded_is_not_started_and_is_afterwards():
    async def scenario():
        world, life, _ = await running()
        started = world.launcher.started
        put = world.kv.put

        def refuse_replicas(key, value):
            if "/replica/" in key:
                _refuse()
            put(key, value)

        world.kv.put = refuse_replicas
        command = asyncio.ensure_future(COMMANDS["scale_up"](life.controller))
        await asyncio.sleep(0.05)
        assert world.launcher.started == started
        world.kv.put = put
        await command
        await ends_well(life, life.state())

    bounded(scenario)


@pytest.mark.parametrize("name", ["delete_backend", "delete_endpoint", "delete_deployment"])
def test_a_delete_of_which_the_store_has_taken_only_that_it_is_done_is_in_force_also_after_a_crash(name):
    async def scenario():
        new = await state_after(COMMANDS[name])
        world, life, _ = await running()
        delete, world.kv.delete = world.kv.delete, _refuse
        await COMMANDS[name](life.controller)
        life.end()
        world.kv.delete = delete
        await ends_well(await revived(world), new)

    bounded(scenario)


def test_a_change_of_routes_of_which_the_store_has_taken_only_that_it_is_done_is_in_force_also_after_a_crash():
    async def scenario():
        new = await state_after(COMMANDS["set_routes"])
        world, life, _ = await running()
        put = world.kv.put
        world.kv.put = lambda key, value: _refuse() if "/endpoint/" in key else put(key, value)
        await COMMANDS["set_routes"](life.controller)
        life.end()
        world.kv.put = put
        await ends_well(await revived(world), new)

    bounded(scenario)


def refuse_after(world, writes, refusals=3):
    """Let the store refuse some writes of commands after so many; gives the list of what was refused."""
    left, refused = [writes], []

    def guarded(write):
        def guard(key, *value):
            if "/replica/" not in key and "/router/" not in key:
                left[0] -= 1
                if left[0] < 0 and len(refused) < refusals:
                    refused.append(key)
                    _refuse()
            return write(key, *value)

        return guard

    world.kv.put, world.kv.delete = guarded(world.kv.put), guarded(world.kv.delete)
    return refused


@pytest.mark.parametrize("name", COMMANDS)
def test_wherever_it_goes_away_a_command_is_done_or_has_changed_nothing(name):
    async def scenario():
        command, new = COMMANDS[name], await state_after(COMMANDS[name])
        for writes in range(20):
            world, old = await populated()
            life = await revived(world)
            await life.settle()
            refused = refuse_after(world, writes)
            (outcome,) = await asyncio.gather(command(life.controller), return_exceptions=True)
            await ends_well(life, old if isinstance(outcome, OSError) else new)
            if not refused:
                break
        assert writes
        assert not isinstance(outcome, OSError)

    bounded(scenario)
