"""Every command, killed after each of its effects: what the next life finds is exactly the old or the new state."""

import asyncio
from dataclasses import replace

import pytest

from legacy.config import Door
from legacy.errors import BackendStartError
from legacy.records import Endpoint
from tests.fakes_control import spec
from tests.fault.lives import KilledError, Life, World, no_cluster  # noqa: F401 - a fixture

pytestmark = [pytest.mark.fault, pytest.mark.usefixtures("no_cluster")]

MOST_EFFECTS = 60


def backend(tag, **config):
    return replace(spec(tag, **config), code=tag.encode())


def endpoint(name, route, **traffic):
    return Endpoint(name, route, ("GET",), traffic)


def deployment(name, code, version=None, **config):
    return replace(spec(name, version, Door.DEPLOYMENT, **config), code=code)


def prefix(name, route):
    return Endpoint(name, route, (), {name: 1.0}, {}, "prefix", Door.DEPLOYMENT)


COMMANDS = {
    "deploy": lambda c: c.deploy("x", deployment("new", b"n", num_replicas=2), prefix("new", "/new"), None, True),
    "redeploy": lambda c: c.deploy("x", deployment("d", b"n", num_replicas=2), prefix("d", "/moved"), None, True),
    "update_deployment": lambda c: c.deploy(
        "x", deployment("d", b"n", "v1", user_config=3), prefix("d", "/moved"), None, True
    ),
    "delete_deployment": lambda c: c.delete_deployment("x", "d"),
    "create_backend": lambda c: c.create_backend("x", backend("new", num_replicas=2)),
    "create_endpoint": lambda c: c.create_endpoint("x", endpoint("new", "/new", a=1.0)),
    "set_traffic": lambda c: c.set_traffic("x", "e", {"a": 0.5, "b": 0.5}),
    "shadow_traffic": lambda c: c.shadow_traffic("x", "e", "b", 0.5),
    "scale_up": lambda c: c.update_backend("x", "b", {"num_replicas": 3}),
    "scale_down": lambda c: c.update_backend("x", "a", {"num_replicas": 1}),
    "user_config": lambda c: c.update_backend("x", "a", {"user_config": 7}),
    "delete_backend": lambda c: c.delete_backend("x", "b"),
    "force_delete_backend": lambda c: c.delete_backend("x", "b", True),
    "delete_endpoint": lambda c: c.delete_endpoint("x", "e"),
}


async def populated():
    """A world with backends a (2 replicas) and b, endpoint e on a, and deployment d; gives it and its state."""
    world = World()
    life = Life(world)
    await life.controller.create_backend("1", backend("a", num_replicas=2))
    await life.controller.create_backend("2", backend("b"))
    await life.controller.create_endpoint("3", endpoint("e", "/e", a=1.0))
    await life.controller.deploy("4", deployment("d", b"d", "v1"), prefix("d", "/d"), None, True)
    await life.settle()
    old = life.state()
    life.end()
    return world, old


async def revived(world):
    """A fresh life on an old world."""
    life = Life(world)
    await life.controller._recovered
    return life


async def state_after(command):
    world, _ = await populated()
    life = await revived(world)
    await command(life.controller)
    await life.settle()
    life.end()
    return life.state()


async def crash_points(command, break_world=lambda world: None):
    """Yield (n, world, old state) for every n at which the controller can die while it runs the command."""
    for effects in range(MOST_EFFECTS):
        world, old = await populated()
        break_world(world)
        life = await revived(world)
        life._left = effects
        outcome = await life.run(command)
        if not isinstance(outcome, KilledError):
            assert effects > 0, "the command has no effect"
            life.end()
            return
        yield effects, world, old
    raise AssertionError(f"more than {MOST_EFFECTS} effects")


def bounded(scenario):
    asyncio.run(asyncio.wait_for(scenario(), 60))


@pytest.mark.parametrize("name", COMMANDS)
def test_after_a_crash_the_state_is_the_old_or_the_new_one_and_repeating_converges(name):
    async def scenario():
        command, new = COMMANDS[name], await state_after(COMMANDS[name])
        async for effects, world, old in crash_points(command):
            life = Life(world)
            await life.settle()
            assert life.state() in (old, new), f"killed after effect {effects}"
            life.check_nothing_is_left_over()
            await command(life.controller)
            await life.settle()
            assert life.state() == new, f"killed after effect {effects}, then repeated"
            life.check_nothing_is_left_over()
            life.end()

    bounded(scenario)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_that_ray_runs_again_while_the_controller_recovers_has_one_effect(name):
    async def scenario():
        command, new = COMMANDS[name], await state_after(COMMANDS[name])
        async for effects, world, _ in crash_points(command):
            life = Life(world)
            await command(life.controller)
            await life.settle()
            assert life.state() == new, f"killed after effect {effects}"
            life.check_nothing_is_left_over()
            life.end()

    bounded(scenario)


def test_a_second_crash_during_recovery_does_no_harm():
    async def scenario():
        command, new = COMMANDS["create_backend"], await state_after(COMMANDS["create_backend"])
        async for effects, world, old in crash_points(command):
            for more in range(3):
                await Life(world, more).run(lambda c: c.list_backends())
            life = Life(world)
            await life.settle()
            assert life.state() in (old, new), f"killed after effect {effects}"
            life.check_nothing_is_left_over()
            life.end()

    bounded(scenario)


FAILING = {
    "create_backend": (
        COMMANDS["create_backend"],
        lambda world: setattr(world.launcher, "failure", "RuntimeError: no"),
    ),
    "user_config": (
        COMMANDS["user_config"],
        lambda world: setattr(world.launcher, "refuses", lambda c: c.user_config == 7),
    ),
}


@pytest.mark.parametrize("name", FAILING)
@pytest.mark.parametrize("client_lives", [True, False])
def test_a_command_that_fails_leaves_the_old_state_wherever_the_controller_dies(name, client_lives):
    async def scenario():
        command, break_world = FAILING[name]
        async for effects, world, old in crash_points(command, break_world):
            life = Life(world)
            if client_lives:
                with pytest.raises(BackendStartError):
                    await command(life.controller)
            await life.settle()
            assert life.state() == old, f"killed after effect {effects}"
            life.check_nothing_is_left_over()
            life.end()

    bounded(scenario)


def test_a_shutdown_that_is_killed_is_finished_by_the_next_life():
    async def scenario():
        def shutdown(controller):
            return controller.shutdown()

        async for effects, world, _ in crash_points(shutdown):
            life = Life(world)
            await life.run(shutdown)
            assert world.launcher.actors == {}, f"killed after effect {effects}"
            assert world.kv.data == {}
            life.end()

    bounded(scenario)


def test_a_store_that_refuses_a_write_leaves_the_old_state():
    async def scenario():
        for command in COMMANDS.values():
            world, old = await populated()
            life = await revived(world)
            put, delete = world.kv.put, world.kv.delete
            world.kv.put = world.kv.delete = _refuse
            with pytest.raises(OSError, match="away"):
                await command(life.controller)
            world.kv.put, world.kv.delete = put, delete
            await life.settle()
            assert life.state() == old
            life.end()

    bounded(scenario)


def _refuse(*_):
    raise OSError("the GCS is away")
