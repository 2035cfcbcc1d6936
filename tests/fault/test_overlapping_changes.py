"""Changes of one backend that overlap: each caller learns the truth about its own, and a failure undoes no other."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import ClassVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.fault.commands import bounded, deployment, prefix
from tests.fault.lives import Life, no_cluster  # noqa: F401 - a fixture
from tests.fault.overlapping import OverlappingMachine, a_while, config_of, one_backend, replace, run, truth, update

pytestmark = [pytest.mark.fault, pytest.mark.usefixtures("no_cluster")]


@pytest.fixture(autouse=True)
def _quick_retries(monkeypatch):
    monkeypatch.setattr("legacy.control.fleet.retry_delay", lambda failures: 0.01)


def test_a_change_that_was_acknowledged_stays_when_a_later_one_fails():
    async def scenario():
        world, life = await one_backend()
        world.launcher.hold("1 good")
        first = update(life.controller, "A", user_config="1 good")
        await a_while()
        second = update(life.controller, "B", user_config="2 bad")
        await a_while()
        assert not first.done() or first.exception(), "it is in force nowhere"
        world.launcher.let_go()
        told = await truth(life, first, second)
        assert "refused 2 bad" in told[1]
        assert "refused" not in told[0]
        assert config_of(life)[0] == ("0 good" if told[0] else "1 good")

    bounded(scenario)


def test_a_change_is_not_blamed_for_an_earlier_one_that_fails_late():
    async def scenario():
        world, life = await one_backend()
        world.launcher.hold("1 bad")
        first = update(life.controller, "A", user_config="1 bad")
        await a_while()
        second = update(life.controller, "B", num_replicas=3)
        await a_while()
        world.launcher.let_go()
        told = await truth(life, first, second)
        assert "refused 1 bad" in told[0]
        assert told[1] == ""
        assert config_of(life) == ("0 good", 3)

    bounded(scenario)


def test_a_change_is_not_done_because_another_has_come_after_it():
    async def scenario():
        world, life = await one_backend()
        world.launcher.hold("1 good")
        first = update(life.controller, "A", user_config="1 good")
        await a_while()
        second = update(life.controller, "B", num_replicas=3)
        await a_while()
        assert not first.done()
        world.launcher.let_go()
        assert await truth(life, first, second) == ["", ""]
        assert config_of(life) == ("1 good", 3)

    bounded(scenario)


def test_what_hangs_does_not_keep_its_remedy_from_coming():
    async def scenario():
        world, life = await one_backend()
        world.launcher.hold("1 good")
        first = update(life.controller, "A", user_config="1 good")
        await a_while()
        second = replace(life.controller, "B", user_config="2 good")
        await asyncio.wait_for(second, 10)
        (told,) = await truth(life, first)
        assert "took the place" in told, "it was never in force"
        assert config_of(life)[0] == "2 good"

    bounded(scenario)


def test_a_change_that_another_ended_is_not_made_again_by_a_crash():
    async def scenario():
        world, life = await one_backend()
        world.launcher.hold("1 good")
        update(life.controller, "A", user_config="1 good")
        await a_while()
        await replace(life.controller, "B", user_config="2 good")
        life.end()
        again = Life(world)
        (told,) = await truth(again, update(again.controller, "A", user_config="1 good"))  # Ray runs it again
        assert "took the place" in told
        assert config_of(again)[0] == "2 good"

    bounded(scenario)


@pytest.mark.parametrize("last", ["2 good", "2 bad"])
@pytest.mark.parametrize("send", [update, replace])
def test_a_change_that_was_in_force_is_not_made_again_after_what_followed_it(send, last):
    async def scenario():
        world, life = await one_backend()
        await send(life.controller, "A", user_config="1 good")
        life.end()  # before anybody was told
        again = Life(world)
        followed = await truth(again, replace(again.controller, "B", user_config=last))
        heard = len(world.launcher.heard)
        assert await truth(again, send(again.controller, "A", user_config="1 good")) == [""]  # Ray runs it again
        assert len(world.launcher.heard) == heard
        assert config_of(again)[0] == ("1 good" if followed[0] else "2 good")

    bounded(scenario)


def test_a_deploy_that_was_in_force_is_not_made_again_after_what_followed_it():
    async def scenario():
        world, life = await one_backend()
        await deploy("1 good", "/1")(life.controller, "A")
        life.end()  # before anybody was told
        again = Life(world)
        await deploy("2 good", "/2")(again.controller, "B")
        assert await truth(again, deploy("1 good", "/1")(again.controller, "A")) == [""]  # Ray runs it again
        desired = again.controller._desired
        assert desired.backends["d"].config.user_config == "2 good"
        assert desired.endpoints["d"].endpoint.route == "/2"

    bounded(scenario)


def test_a_change_is_made_on_what_is_in_force_also_right_after_a_crash():
    async def scenario():
        world, life = await one_backend()
        for value in ("1 good", "2 bad"):
            world.launcher.hold(value)
        update(life.controller, "A", user_config="1 good")
        await a_while()
        life.end()
        again = Life(world)
        second = update(again.controller, "B", max_concurrent_queries=5)
        await a_while()
        third = replace(again.controller, "C", user_config="2 bad")
        await a_while()
        world.launcher.let_go()
        told = await truth(again, second, third)
        assert (told[0], "refused 2 bad" in told[1]) == ("", True)
        config = again.controller._desired.backends["a"].config
        assert (config.user_config, config.max_concurrent_queries) == ("0 good", 5)

    bounded(scenario)


def test_a_failed_change_that_ray_runs_again_tells_why_and_is_not_made_again():
    async def scenario():
        world, life = await one_backend()
        world.launcher.hold("1 bad")
        update(life.controller, "A", user_config="1 bad")
        await a_while()
        life.end()
        again = Life(world)
        world.launcher.let_go()
        await again.settle()
        heard = len(world.launcher.heard)
        (told,) = await truth(again, update(again.controller, "A", user_config="1 bad"))
        assert "refused 1 bad" in told
        assert len(world.launcher.heard) == heard

    bounded(scenario)


def test_a_deploy_that_fails_takes_back_no_traffic_that_was_set_meanwhile():
    async def scenario():
        world, life = await one_backend()
        control = life.controller
        await control.deploy("1", deployment("d", b"d", "v1"), prefix("d", "/d"), None, True)
        world.launcher.hold("bad")
        new = deployment("d", b"n", "v2", user_config="bad")
        failing = asyncio.ensure_future(control.deploy("2", new, prefix("d", "/moved"), None, True))
        await a_while()
        await control.set_traffic("3", "d", {"a": 0.5, "d": 0.5})
        world.launcher.let_go()
        (told,) = await truth(life, failing)
        assert "refused bad" in told
        endpoint = (await control.list_endpoints())["d"]
        assert (endpoint.route, endpoint.traffic) == ("/d", {"a": 0.5, "d": 0.5})

    bounded(scenario)


def test_a_deploy_takes_the_place_of_one_that_hangs_and_falls_back_to_what_was_before_both():
    async def scenario():
        world, life = await one_backend()
        control = life.controller
        await control.deploy("1", deployment("d", b"d", "v1", user_config="0 good"), prefix("d", "/d"), None, True)
        for value in ("1 good", "2 bad"):
            world.launcher.hold(value)
        deploys = [
            control.deploy("2", deployment("d", b"x", "v2", user_config="1 good"), prefix("d", "/x"), None, False),
            control.deploy("3", deployment("d", b"y", "v3", user_config="2 bad"), prefix("d", "/d"), "v2", True),
        ]
        await deploys[0]
        last = asyncio.ensure_future(deploys[1])
        await a_while()
        world.launcher.let_go()
        (told,) = await truth(life, last)
        assert "refused 2 bad" in told
        info = await control.get_deployment("d")
        assert (info.spec.version, info.spec.code, info.endpoint.route) == ("v1", b"d", "/d")

    bounded(scenario)


def test_a_first_deploy_that_hangs_is_replaced_and_leaves_nothing_when_both_fail():
    async def scenario():
        world, life = await one_backend()
        control = life.controller
        for value in ("1 good", "2 bad"):
            world.launcher.hold(value)
        first = deployment("d", b"x", "v1", user_config="1 good")
        hanging = asyncio.ensure_future(control.deploy("1", first, prefix("d", "/d"), None, True))
        await a_while()
        second = deployment("d", b"y", "v2", user_config="2 bad")
        failing = asyncio.ensure_future(control.deploy("2", second, prefix("d", "/d"), None, True))
        await a_while()
        world.launcher.let_go()
        told = await truth(life, hanging, failing)
        assert ["took the place" in told[0], "Nothing stays registered" in told[1]] == [True, True]
        assert (list(await control.list_backends()), await control.list_endpoints()) == (["a"], {})
        life.check_nothing_is_left_over()

    bounded(scenario)


def test_a_deploy_of_what_is_under_way_already_waits_for_it_or_returns_at_once():
    async def scenario():
        world, life = await one_backend()
        control = life.controller
        world.launcher.hold("1 good")
        deploys = [
            control.deploy(command, deployment("d", b"x", user_config="1 good"), prefix("d", "/d"), None, wait)
            for command, wait in (("1", True), ("2", True), ("3", False))
        ]
        first, second = (asyncio.ensure_future(each) for each in deploys[:2])
        await a_while()
        await asyncio.wait_for(deploys[2], 5)
        assert [first.done(), second.done()] == [False, False]
        world.launcher.let_go()
        assert await truth(life, first, second) == ["", ""]

    bounded(scenario)


class ChangesMachine(OverlappingMachine):
    """Of the config of one backend, which is also replaced."""

    first: ClassVar = {"user_config": "0 good", "max_concurrent_queries": 8}

    def there(self):
        config = self.life.controller._desired.backends["a"].config
        return {name: getattr(config, name) for name in self.first}

    def was_in_force(self, change):
        heard, sets = self.world.launcher.heard, change.sets.items()
        return any(all(getattr(each, name) == what for name, what in sets) for each in heard)

    @rule(driver=st.sampled_from("AB"), good=st.booleans(), held=st.booleans())
    def configure(self, driver, good, held):
        value = self._value(good, held)
        self._begin(driver, partial(update, user_config=value), {"user_config": value}, value)

    @rule(driver=st.sampled_from("AB"))
    def widen(self, driver):
        sets = {"max_concurrent_queries": 100 + self.now}
        self._begin(driver, partial(update, **sets), sets)

    @rule(driver=st.sampled_from("AB"), good=st.booleans(), held=st.booleans())
    def put_another_in_its_place(self, driver, good, held):
        value = self._value(good, held)
        sets = {"user_config": value, "max_concurrent_queries": 100 + self.now}
        self._begin(driver, partial(replace, **sets), sets, value)


def test_every_acknowledgement_of_a_change_is_true_whatever_overlaps_and_crashes():
    run(ChangesMachine)


class DeploysMachine(OverlappingMachine):
    """Of one deployment with its route, which is also deleted."""

    first: ClassVar = {"d": ("0 good", "/0")}
    may_be_told = ("took the place", "was deleted")

    async def begin(self):
        world, life = await one_backend()
        await deploy("0 good", "/0")(life.controller, "first d")
        return world, life

    def there(self):
        desired = self.life.controller._desired
        assert ("d" in desired.backends) == ("d" in desired.endpoints)
        if "d" not in desired.backends:
            return {"d": None}
        return {"d": (desired.backends["d"].config.user_config, desired.endpoints["d"].endpoint.route)}

    def was_in_force(self, change):
        return change.sets["d"] is None or any(each.user_config == change.value for each in self.world.launcher.heard)

    @rule(driver=st.sampled_from("AB"), good=st.booleans(), held=st.booleans(), moves=st.booleans())
    def deploy(self, driver, good, held, moves):
        value, route = self._value(good, held), f"/{self.now + 1 if moves else 0}"
        self._begin(driver, deploy(value, route), {"d": (value, route)}, value)

    @rule(driver=st.sampled_from("AB"))
    def delete(self, driver):
        self._begin(driver, lambda c, id: asyncio.ensure_future(c.delete_deployment(id, "d")), {"d": None})


def deploy(value, route):
    spec = deployment("d", value.encode(), value, user_config=value)
    return lambda c, id: asyncio.ensure_future(c.deploy(id, spec, prefix("d", route), None, True))


def test_every_acknowledgement_of_a_deploy_is_true_whatever_overlaps_and_crashes():
    run(DeploysMachine)
