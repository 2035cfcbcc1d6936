"""Each command twice: after a lost reply, and from two clients at the same time."""

import asyncio

import pytest

from tests.fault.lives import no_cluster  # noqa: F401 - a fixture
from tests.fault.test_crash_points import (
    COMMANDS,
    backend,
    bounded,
    deployment,
    endpoint,
    populated,
    prefix,
    revived,
    state_after,
)

pytestmark = [pytest.mark.fault, pytest.mark.usefixtures("no_cluster")]

OTHER_CLIENT = {
    "deploy": lambda c: c.deploy("y", deployment("new", b"n", num_replicas=2), prefix("new", "/new"), None, True),
    "redeploy": lambda c: c.deploy("y", deployment("d", b"n", num_replicas=2), prefix("d", "/moved"), None, True),
    "update_deployment": lambda c: c.deploy(
        "y", deployment("d", b"n", "v1", user_config=3), prefix("d", "/moved"), None, True
    ),
    "delete_deployment": lambda c: c.delete_deployment("y", "d"),
    "create_backend": lambda c: c.create_backend("y", backend("new", num_replicas=2)),
    "create_endpoint": lambda c: c.create_endpoint("y", endpoint("new", "/new", a=1.0)),
    "set_traffic": lambda c: c.set_traffic("y", "e", {"a": 0.5, "b": 0.5}),
    "shadow_traffic": lambda c: c.shadow_traffic("y", "e", "b", 0.5),
    "scale_up": lambda c: c.update_backend("y", "b", {"num_replicas": 3}),
    "scale_down": lambda c: c.update_backend("y", "a", {"num_replicas": 1}),
    "user_config": lambda c: c.update_backend("y", "a", {"user_config": 7}),
    "delete_backend": lambda c: c.delete_backend("y", "b"),
    "force_delete_backend": lambda c: c.delete_backend("y", "b", True),
    "delete_endpoint": lambda c: c.delete_endpoint("y", "e"),
}
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
        both = (COMMANDS[name](life.controller), OTHER_CLIENT[name](life.controller))
        outcomes = await asyncio.gather(*both, return_exceptions=True)
        errors = [str(outcome) for outcome in outcomes if isinstance(outcome, Exception)]
        assert len(errors) == (1 if name in REFUSED_TWICE else 0), outcomes
        assert all(REFUSED_TWICE[name] in error for error in errors)
        await life.settle()
        assert life.state() == await state_after(COMMANDS[name])
        life.check_nothing_is_left_over()

    bounded(scenario)
