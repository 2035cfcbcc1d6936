import asyncio
import inspect

import pytest

from legacy.control import commands
from legacy.control.changes import Changes
from legacy.control.commands import Commands
from legacy.control.deployment_commands import DeploymentCommands
from legacy.errors import BackendStartError
from legacy.generations import DEPLOYMENT, V0_8
from legacy.records import Endpoint, Poll, Version
from tests.fakes_control import run, spec


@pytest.fixture(autouse=True)
def enough_room(monkeypatch):
    async def has_capacity(options):
        return True

    async def check_capacity(tag, options, replicas):
        pass

    monkeypatch.setattr(commands, "has_capacity", has_capacity)
    monkeypatch.setattr(commands, "check_capacity", check_capacity)


def commands_of(world):
    found = Commands()
    found._changes = Changes(world.desired, world.store, world.publisher, world.reconciler, world.environments)
    found._recovered = asyncio.get_running_loop().create_future()
    found._recovered.set_result(None)
    return found


def test_every_command_says_in_which_version_of_this_life_of_the_controller_it_is_in_force():
    async def scenario(world):
        control = commands_of(world)
        made = await control.create_backend("c1", spec("a"))
        return made, world.publisher.version, await control.delete_endpoint("c2", "unknown")

    made, version, nothing = run(scenario)
    assert made == nothing == Version("epoch", version)
    methods = [getattr(DeploymentCommands, name) for name in dir(DeploymentCommands) if not name.startswith("_")]
    assert all(hasattr(one, "__wrapped__") for one in methods if "command" in inspect.signature(one).parameters)


def test_replacing_makes_what_is_not_there():
    async def scenario(world):
        await commands_of(world).replace_backend("c1", spec("a"))
        return world.desired.backends["a"].created_by

    assert run(scenario) == "c1"


def test_replacing_starts_new_replicas_and_changes_the_config():
    async def scenario(world):
        control = commands_of(world)
        await control.replace_backend("c1", spec("a"))
        before = set(world.launcher.actors)
        await control.replace_backend("c2", spec("a", num_replicas=2))
        record = world.desired.backends["a"]
        return before & set(world.launcher.actors), record.config.num_replicas, record.created_by, record.confirmed

    assert run(scenario) == (set(), 2, "c1", True)


def test_replacing_again_after_a_crash_of_the_controller_does_it_once():
    async def scenario(world):
        control = commands_of(world)
        await control.replace_backend("c1", spec("a"))
        await control.replace_backend("c2", spec("a"))
        started = world.launcher.started
        await control.replace_backend("c2", spec("a"))
        return started == world.launcher.started

    assert run(scenario)


def test_a_replacement_that_fails_leaves_the_one_before():
    async def scenario(world):
        control = commands_of(world)
        await control.replace_backend("c1", spec("a", num_replicas=2))
        world.launcher.failure = "RuntimeError: no weights"
        with pytest.raises(BackendStartError, match="no weights"):
            await control.replace_backend("c2", spec("a"))
        world.launcher.failure = ""
        return world.desired.backends["a"].config.num_replicas

    assert run(scenario) == 2


def test_an_endpoint_may_wait_for_its_backend():
    async def scenario(world):
        control = commands_of(world)
        await control.create_endpoint("c1", Endpoint("e", "/e", ("GET",), {}, generation=V0_8))
        await control.replace_backend("c2", spec("a"))
        await control.set_traffic("c3", "e", {"a": 1.0})
        return world.desired.endpoints["e"].endpoint.traffic

    assert run(scenario) == {"a": 1.0}


@pytest.mark.parametrize("bad", [{"num_replica": 2}, {"num_replicas": 0}, {"autoscaling_config": {"min_replicas": -1}}])
def test_a_wrong_field_of_a_change_is_refused_before_its_turn_has_come(bad):
    async def scenario(world):
        control = commands_of(world)
        await control.replace_backend("c1", spec("a"))
        async with control._changes.turn("a", "c2"):
            with pytest.raises(ValueError, match=next(iter(bad))):
                await asyncio.wait_for(control.update_backend("c3", "a", bad), 5)

    run(scenario)


def test_a_route_changes_hands_in_one_step_for_routers():
    async def scenario(world):
        control = commands_of(world)
        for name, route in (("old", "/"), ("new", None)):
            await control.replace_backend(f"b-{name}", spec(name))
            await control.create_endpoint(f"e-{name}", Endpoint(name, route, (), {name: 1.0}, generation=DEPLOYMENT))
        world.publisher.open()
        before = world.publisher.version
        polling = asyncio.ensure_future(world.publisher.watch(Poll("p", "handle", "epoch", before), 10))
        await asyncio.sleep(0)
        for _ in range(2):  # Ray may run a command again
            await control.set_routes("c", {"old": None, "new": "/"})
        update = await polling
        return {name: found and found.route for name, found in update.endpoints.items()}

    assert run(scenario) == {"old": None, "new": "/"}


def test_no_routes_at_all_are_given_at_once():
    async def scenario(world):
        return await commands_of(world).set_routes("c", {})

    assert run(scenario) == Version("epoch", 0)
