"""A name that is given up while it is used: what was there before does not come back under it."""

import asyncio
from dataclasses import replace
from typing import ClassVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import rule

from legacy.control import commands
from legacy.errors import InstanceError
from legacy.generations import V0_8
from legacy.records import Poll
from tests.fault.commands import backend, bounded, deployment, endpoint, prefix
from tests.fault.lives import Life, World, no_cluster  # noqa: F401 - a fixture
from tests.fault.overlapping import OverlappingMachine, a_while, one_backend, run, truth

pytestmark = [pytest.mark.fault, pytest.mark.usefixtures("no_cluster")]


def codes(life):
    return {actor.start.spec.code for actor in life.world.launcher.actors.values()}


def test_a_deployment_that_is_deleted_and_deployed_at_once_runs_the_new_code_also_with_the_same_version():
    async def scenario():
        life = Life(World())
        control = life.controller
        await control.deploy("1", deployment("d", b"old", "v1"), prefix("d", "/d"), None, True)
        await control.watch(Poll("slow", "proxy", "", 0))  # and it acknowledges nothing
        deleting = asyncio.ensure_future(control.delete_deployment("2", "d"))
        await asyncio.sleep(0.01)
        deploying = asyncio.ensure_future(
            control.deploy("3", deployment("d", b"new", "v1"), prefix("d", "/d"), None, True)
        )
        await asyncio.sleep(0.01)
        await control.leave("slow")
        await asyncio.gather(deleting, deploying)
        await life.settle()
        assert codes(life) == {b"new"}
        life.check_nothing_is_left_over()
        life.end()

    bounded(scenario)


def test_of_two_programs_that_create_a_backend_of_ray_0_8_at_once_the_later_one_replaces_it(monkeypatch):
    async def room(*_):
        await asyncio.sleep(0.01)

    async def scenario():
        monkeypatch.setattr(commands, "check_capacity", room)
        life = Life(World())
        specs = [replace(backend("a"), generation=V0_8, code=code) for code in (b"one", b"two")]
        create = life.controller.replace_backend
        await asyncio.gather(*(create(spec.code.decode(), spec) for spec in specs))
        await life.settle()
        assert len(codes(life)) == 1
        life.check_nothing_is_left_over()
        life.end()

    bounded(scenario)


def test_a_deploy_that_fails_takes_back_no_endpoint_that_another_has_made_in_place_of_its_own():
    async def scenario():
        world, life = await one_backend()
        control = life.controller
        await control.deploy("1", deployment("d", b"d", "v1"), prefix("d", "/d"), None, True)
        world.launcher.hold("bad")
        new = deployment("d", b"n", "v2", user_config="bad")
        failing = asyncio.ensure_future(control.deploy("2", new, prefix("d", "/moved"), None, True))
        await a_while()
        await control.delete_endpoint("3", "d")
        await control.create_endpoint("4", endpoint("d", "/other", a=1.0))
        world.launcher.let_go()
        (told,) = await truth(life, failing)
        assert "refused bad" in told
        made = (await control.list_endpoints())["d"]
        assert (made.route, made.traffic) == ("/other", {"a": 1.0})

    bounded(scenario)


def test_a_first_deploy_that_fails_takes_away_no_endpoint_that_another_has_made_in_place_of_its_own():
    async def scenario():
        world, life = await one_backend()
        control = life.controller
        world.launcher.hold("bad")
        new = deployment("d", b"n", user_config="bad")
        failing = asyncio.ensure_future(control.deploy("1", new, prefix("d", "/d"), None, True))
        await a_while()
        await control.delete_endpoint("2", "d")
        await control.create_endpoint("3", endpoint("d", "/other", a=1.0))
        world.launcher.let_go()
        (told,) = await truth(life, failing)
        assert "refused bad" in told
        assert (await control.list_endpoints())["d"].route == "/other"

    bounded(scenario)


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c.create_backend("2", backend("b")),
        lambda c: c.deploy("2", deployment("d", b"d"), prefix("d", "/d"), None, True),
        lambda c: c.create_endpoint("2", endpoint("e", "/e", a=1.0)),
        lambda c: c.update_backend("2", "a", {"num_replicas": 2}),
        lambda c: c.ready(),
    ],
    ids=["create_backend", "deploy", "create_endpoint", "update_backend", "ready"],
)
def test_an_instance_that_ends_refuses_changes_so_that_the_next_one_of_its_name_finds_none(change):
    async def scenario():
        life = Life(World())
        await life.controller.create_backend("1", backend("a"))
        await life.controller.shutdown()
        with pytest.raises(InstanceError, match="is being shut down"):
            await asyncio.wait_for(change(life.controller), 5)
        assert life.world.kv.data == {}
        life.end()

    bounded(scenario)


def test_a_controller_ends_by_itself_when_who_shut_it_down_has_died(monkeypatch):
    ended = asyncio.Event()
    monkeypatch.setattr("legacy.control.controller.END_S", 0.01)
    monkeypatch.setattr("legacy.control.controller.cluster.exit_this_actor", ended.set)

    async def scenario():
        life = Life(World())
        await life.controller.shutdown()
        await asyncio.wait_for(ended.wait(), 5)
        life.end()

    bounded(scenario)


class NamesMachine(OverlappingMachine):
    """Of one backend that is created and deleted by two drivers."""

    first: ClassVar = {"b": None}
    may_be_told = ("already registered", "was deleted")

    def there(self):
        found = self.life.controller._desired.backends.get("b")
        return {"b": None if found is None else found.config.user_config}

    def was_in_force(self, change):
        return change.sets["b"] is None or any(each.user_config == change.value for each in self.world.launcher.heard)

    @rule(driver=st.sampled_from("AB"), good=st.booleans(), held=st.booleans())
    def create(self, driver, good, held):
        value = self._value(good, held)
        self._begin(driver, create(value), {"b": value}, value)

    @rule(driver=st.sampled_from("AB"))
    def delete(self, driver):
        self._begin(driver, lambda c, id: asyncio.ensure_future(c.delete_backend(id, "b")), {"b": None})


def create(value):
    spec = replace(backend("b", user_config=value), code=value.encode())
    return lambda c, id: asyncio.ensure_future(c.create_backend(id, spec))


def test_every_acknowledgement_of_a_creation_and_a_delete_is_true_whatever_overlaps_and_crashes():
    run(NamesMachine)
