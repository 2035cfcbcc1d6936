"""Each command twice: after a lost reply, after another driver's change, and from two clients at the same time."""

import asyncio
import contextlib

import pytest

from legacy.errors import BackendDeletedError
from tests.fault.commands import (
    COMMANDS,
    backend,
    bounded,
    crash_points,
    deployment,
    endpoint,
    populated,
    prefix,
    revived,
    state_after,
)
from tests.fault.lives import Life, no_cluster  # noqa: F401 - a fixture

pytestmark = [pytest.mark.fault, pytest.mark.usefixtures("no_cluster")]

REFUSED_TWICE = {"create_backend": "already registered", "create_endpoint": "already exists"}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_that_is_run_again_after_its_reply_was_lost_has_one_effect(name):
    async def scenario():
        world, _ = await populated()
        life = await revived(world)
        await COMMANDS[name](life.controller)
        await COMMANDS[name](life.controller)
        await life.settle()
        assert life.state() == await state_after(COMMANDS[name])
        life.check_nothing_is_left_over()

    bounded(scenario)


# What another driver makes under the name that a command has deleted, and how it takes back a route.
MADE_AGAIN = {
    "delete_backend": lambda c: c.create_backend("y", backend("b")),
    "force_delete_backend": lambda c: c.create_backend("y", backend("b", num_replicas=2)),
    "delete_endpoint": lambda c: c.create_endpoint("y", endpoint("e", "/e", a=1.0)),
    "delete_deployment": lambda c: c.deploy("y", deployment("d", b"d", "v1"), prefix("d", "/d"), None, True),
    "set_routes": lambda c: c.set_routes("y", {"e": "/e", "d": None}),
}


@pytest.mark.parametrize("name", MADE_AGAIN)
def test_a_delete_that_ray_runs_again_leaves_what_another_driver_has_made_meanwhile(name):
    async def scenario():
        async for effects, world, old in crash_points(COMMANDS[name]):
            life = Life(world)
            await life.settle()
            if life.state() == old:
                continue  # nothing was deleted before the crash
            await MADE_AGAIN[name](life.controller)
            await life.settle()
            new = life.state()
            await COMMANDS[name](life.controller)
            await life.settle()
            assert life.state() == new, f"killed after effect {effects}"
            life.check_nothing_is_left_over()
            life.end()
            again = Life(world)
            await again.settle()
            assert again.state() == new, f"killed after effect {effects}, and once more"
            again.end()

    bounded(scenario)


# What another driver deletes that a command has made.
DELETED_AGAIN = {
    "create_backend": lambda c: c.delete_backend("y", "new"),
    "create_endpoint": lambda c: c.delete_endpoint("y", "new"),
    "deploy": lambda c: c.delete_deployment("y", "new"),
    "redeploy": lambda c: c.delete_deployment("y", "d"),
}


@pytest.mark.parametrize("name", DELETED_AGAIN)
def test_a_change_that_ray_runs_again_does_not_make_what_another_driver_has_deleted_meanwhile(name):
    async def scenario():
        async for effects, world, old in crash_points(COMMANDS[name]):
            life = Life(world)
            await life.settle()
            if life.state() == old:
                continue  # nothing was made before the crash
            await DELETED_AGAIN[name](life.controller)
            await life.settle()
            without = life.state()
            with contextlib.suppress(BackendDeletedError):
                await COMMANDS[name](life.controller)
            await life.settle()
            assert life.state() == without, f"killed after effect {effects}"
            life.check_nothing_is_left_over()
            life.end()

    bounded(scenario)


@pytest.mark.parametrize("name", COMMANDS)
def test_two_clients_at_the_same_time_have_one_effect(name):
    async def scenario():
        world, _ = await populated()
        life = await revived(world)
        both = (COMMANDS[name](life.controller), COMMANDS[name](life.controller, "y"))
        outcomes = await asyncio.gather(*both, return_exceptions=True)
        errors = [str(outcome) for outcome in outcomes if isinstance(outcome, Exception)]
        assert len(errors) == (1 if name in REFUSED_TWICE else 0), outcomes
        assert all(REFUSED_TWICE[name] in error for error in errors)
        await life.settle()
        assert life.state() == await state_after(COMMANDS[name])
        life.check_nothing_is_left_over()

    bounded(scenario)
