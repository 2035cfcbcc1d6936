"""Changes of one backend that overlap: each caller learns the truth about its own, and a failure undoes no other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from legacy.control.controller import ServeController
from legacy.records import StartFailure
from tests.fakes_control import FakeLauncher, FakeReplica
from tests.fault.commands import backend, bounded, deployment, prefix
from tests.fault.lives import Life, World, no_cluster  # noqa: F401 - a fixture

pytestmark = [pytest.mark.fault, pytest.mark.usefixtures("no_cluster")]


@pytest.fixture(autouse=True)
def _quick_retries(monkeypatch):
    monkeypatch.setattr("legacy.control.fleet.retry_delay", lambda failures: 0.01)


def is_bad(config: Any) -> bool:
    return "bad" in str(config.user_config)


class HeldReplica(FakeReplica):
    """Takes over a config when the test lets it, and says which one it refused."""

    async def _initialize(self) -> Any:
        return await self._refused(self.start.spec.config, "constructor") or await super()._initialize()

    async def _reconfigure(self, config: Any) -> StartFailure | None:
        self.configs.append(config)
        return await self._refused(config, "reconfigure")

    async def _refused(self, config: Any, step: Any) -> StartFailure | None:
        held = self.fleet.held.get(config.user_config)
        if held is not None:
            await self._unless_dead(held.wait())
        self.fleet.heard.append(config)
        text = f"ValueError: refused {config.user_config}"
        return StartFailure(self.start.tag, text, "", step) if is_bad(config) else None


class HoldingLauncher(FakeLauncher):
    def __init__(self) -> None:
        super().__init__()
        self.held: dict[str, asyncio.Event] = {}
        self.heard: list[Any] = []  # every config that any replica was told, in order
        self.refuses = is_bad

    def start_replica(self, start: Any, actor_options: Any) -> HeldReplica:
        self.started += 1
        self.actors[start.tag] = HeldReplica(start, self)
        return self.actors[start.tag]

    def hold(self, value: str) -> None:
        self.held[value] = asyncio.Event()

    def let_go(self) -> None:
        for event in self.held.values():
            event.set()


async def one_backend() -> tuple[World, Life]:
    world = World()
    world.launcher = HoldingLauncher()
    life = Life(world)
    await life.controller.create_backend("first", backend("a", num_replicas=2, user_config="0 good"))
    await life.settle()
    return world, life


def config_of(life: Life) -> tuple[Any, int]:
    config = life.controller._desired.backends["a"].config
    return config.user_config, config.num_replicas


async def a_while() -> None:
    """Everything that can go on by itself has done so."""
    for _ in range(200):
        await asyncio.sleep(0)


def update(controller: ServeController, command: str, **changes: Any) -> asyncio.Future[Any]:
    return asyncio.ensure_future(controller.update_backend(command, "a", changes))


def replace(controller: ServeController, command: str, **config: Any) -> asyncio.Future[Any]:
    spec = backend("a", num_replicas=2, **config)
    return asyncio.ensure_future(controller.replace_backend(command, spec))


async def truth(life: Life, *changes: asyncio.Future[Any]) -> list[str]:
    """How the changes ended, "" for success; what runs is settled then."""
    outcomes = await asyncio.gather(*changes, return_exceptions=True)
    await life.settle()
    return [str(outcome) if isinstance(outcome, Exception) else "" for outcome in outcomes]


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


@dataclass
class Change:
    """One driver's command, with values that nobody else sets."""

    id: str
    send: Callable[..., asyncio.Future[Any]]
    sets: dict[str, Any]
    begun: int
    ended: int = 0
    task: asyncio.Future[Any] | None = None
    error: str | None = None  # "" for success


class ChangesMachine(RuleBasedStateMachine):
    """Two drivers change one backend, the controller crashes, and every acknowledgement has to be true."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.world, self.life = self.loop.run_until_complete(one_backend())
        self.changes: list[Change] = []
        self.now = 0

    def teardown(self) -> None:
        try:
            self.everything_comes_to_rest()
        finally:
            self.loop.run_until_complete(self._die())
            self.loop.close()

    @rule(driver=st.sampled_from("AB"), good=st.booleans(), held=st.booleans())
    def configure(self, driver: str, good: bool, held: bool) -> None:
        self._begin(driver, update, user_config=self._value(good, held))

    @rule(driver=st.sampled_from("AB"))
    def widen(self, driver: str) -> None:
        self._begin(driver, update, max_concurrent_queries=100 + self.now)

    @rule(driver=st.sampled_from("AB"), good=st.booleans(), held=st.booleans())
    def put_another_in_its_place(self, driver: str, good: bool, held: bool) -> None:
        value = self._value(good, held)
        self._begin(driver, replace, user_config=value, max_concurrent_queries=100 + self.now)

    @rule()
    def let_go(self) -> None:
        self.world.launcher.let_go()
        self.loop.run_until_complete(a_while())
        self._note()

    @rule()
    def crash(self) -> None:
        self.life.dead.set()
        self._note()

    @rule(effects=st.integers(0, 8))
    def crash_after_some_more_effects(self, effects: int) -> None:
        self.life._left = effects

    @rule()
    def everything_comes_to_rest(self) -> None:
        self.life._left = None
        self.world.launcher.let_go()
        open_ones = [change.task for change in self.changes if change.error is None and change.task is not None]
        if open_ones:
            self.loop.run_until_complete(asyncio.wait_for(asyncio.wait(open_ones), 20))
        self._note()
        self.loop.run_until_complete(self.life.settle())
        config = self.life.controller._desired.backends["a"].config
        for field, first in (("user_config", "0 good"), ("max_concurrent_queries", 8)):
            done = [change for change in self.changes if change.error == "" and field in change.sets]
            last = [change.sets[field] for change in done if not any(other.begun > change.ended for other in done)]
            assert getattr(config, field) in (last or [first]), (config, self.changes)
        for actor in self.world.launcher.actors.values():
            heard = [each for each in (actor.start.spec.config, *actor.configs) if not is_bad(each)]
            assert (heard[-1].user_config, heard[-1].max_concurrent_queries) == (
                config.user_config,
                config.max_concurrent_queries,
            )
        self.life.check_nothing_is_left_over()
        self.changes = [change for change in self.changes if change.error == ""]

    def _value(self, good: bool, held: bool) -> str:
        value = f"{self.now + 1} {'good' if good else 'bad'}"
        if held:
            self.world.launcher.hold(value)
        return value

    def _begin(self, driver: str, send: Callable[..., asyncio.Future[Any]], **sets: Any) -> None:
        self.now += 1
        change = Change(f"{driver}{self.now}", send, sets, self.now)
        self.changes.append(change)
        self.loop.run_until_complete(self._send([change]))
        self._note()

    async def _send(self, changes: list[Change]) -> None:
        for change in changes:
            change.task = change.send(self.life.controller, change.id, **change.sets)
        await a_while()

    async def _die(self) -> None:
        self.life.end()
        await a_while()

    async def _live_again(self) -> None:
        await self._die()
        self.life = Life(self.world)
        await self._send([change for change in self.changes if change.error is None])  # Ray runs them again

    def _note(self) -> None:
        self.now += 1
        if self.life.dead.is_set():  # what was not told until then never will be
            self.loop.run_until_complete(self._live_again())
        for change in self.changes:
            task = change.task
            if change.error is None and task is not None and task.done() and not task.cancelled():
                change.error, change.ended = str(task.exception() or ""), self.now
                self._check_what_it_was_told(change)

    def _check_what_it_was_told(self, change: Change) -> None:
        value = str(change.sets.get("user_config", ""))
        if change.error == "":
            heard = self.world.launcher.heard
            assert "bad" not in value, change
            assert any(all(getattr(each, name) == what for name, what in change.sets.items()) for each in heard), change
        else:
            its_own = "bad" in value and f"refused {value}" in change.error
            assert its_own or "took the place" in change.error, change


def test_every_acknowledgement_is_true_whatever_overlaps_and_crashes():
    # Not shrunk: what fails may do so by never coming to rest, and each try of that takes a while.
    few = settings(max_examples=60, stateful_step_count=12, phases=[Phase.generate], report_multiple_bugs=False)
    run_state_machine_as_test(ChangesMachine, settings=few)
