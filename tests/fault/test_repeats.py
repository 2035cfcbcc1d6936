"""Each command twice: after a lost reply, and from two clients at the same time."""

import asyncio

import pytest

from tests.fault.commands import COMMANDS, bounded, populated, revived, state_after
from tests.fault.lives import no_cluster  # noqa: F401 - a fixture

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
