"""Every command, killed after each of its effects: what the next life finds is exactly the old or the new state."""

import pytest

from legacy.errors import BackendStartError
from tests.fault.commands import COMMANDS, bounded, crash_points, populated, revived, state_after
from tests.fault.lives import Life, no_cluster  # noqa: F401 - a fixture

pytestmark = [pytest.mark.fault, pytest.mark.usefixtures("no_cluster")]


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
