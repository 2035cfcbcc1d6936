"""What tests of overlapping changes need: replicas that wait for the test, and a model of what callers may be told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from legacy.control.controller import ServeController
from legacy.records import StartFailure
from tests.fakes_control import FakeLauncher, FakeReplica
from tests.fault.commands import backend
from tests.fault.lives import Life, World


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


@dataclass
class Change:
    """One driver's command, with values that nobody else sets."""

    id: str
    send: Callable[[ServeController, str], asyncio.Future[Any]]
    sets: dict[str, Any]
    value: str
    begun: int
    ended: int = 0
    task: asyncio.Future[Any] | None = None
    error: str | None = None  # "" for success


class OverlappingMachine(RuleBasedStateMachine):
    """Two drivers change one thing, the controller crashes, and every acknowledgement has to be true.

    A subclass has the rules that change, and says what is there now and what was there first.
    """

    first: ClassVar[dict[str, Any]]
    may_be_told = ("took the place",)

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.world, self.life = self.loop.run_until_complete(self.begin())
        self.changes: list[Change] = []
        self.unanswered: list[Change] = []  # when the controller died; Ray runs them again
        self.now = 0

    async def begin(self) -> tuple[World, Life]:
        return await one_backend()

    def there(self) -> dict[str, Any]:
        raise NotImplementedError

    def was_in_force(self, change: Change) -> bool:
        raise NotImplementedError

    def teardown(self) -> None:
        try:
            self.everything_comes_to_rest()
        finally:
            self.loop.run_until_complete(self._die())
            self.loop.close()

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
    def ray_runs_them_again(self) -> None:
        again, self.unanswered = self.unanswered, []
        self.loop.run_until_complete(self._send(again))
        self._note()

    @rule()
    def everything_comes_to_rest(self) -> None:
        self.life._left = None
        self.ray_runs_them_again()
        self.world.launcher.let_go()
        open_ones = [change.task for change in self.changes if change.error is None and change.task is not None]
        if open_ones:
            self.loop.run_until_complete(asyncio.wait_for(asyncio.wait(open_ones), 20))
        self._note()
        self.loop.run_until_complete(self.life.settle())
        there = self.there()
        for field, first in self.first.items():
            done = [change for change in self.changes if change.error == "" and field in change.sets]
            last = [change.sets[field] for change in done if not any(other.begun > change.ended for other in done)]
            assert there[field] in (last or [first]), (there, self.changes)
        backends = self.life.controller._desired.backends
        for actor in self.world.launcher.actors.values():
            heard = [each for each in (actor.start.spec.config, *actor.configs) if not is_bad(each)][-1]
            config = backends[actor.start.spec.tag].config
            found = heard.user_config, heard.max_concurrent_queries
            assert found == (config.user_config, config.max_concurrent_queries)
        self.life.check_nothing_is_left_over()
        self.changes = [change for change in self.changes if change.error == ""]

    def _value(self, good: bool, held: bool) -> str:
        value = f"{self.now + 1} {'good' if good else 'bad'}"
        if held:
            self.world.launcher.hold(value)
        return value

    def _begin(self, driver: str, send: Callable[..., Any], sets: dict[str, Any], value: str = "") -> None:
        self.now += 1
        change = Change(f"{driver}{self.now}", send, sets, value, self.now)
        self.changes.append(change)
        self.loop.run_until_complete(self._send([change]))
        self._note()

    async def _send(self, changes: list[Change]) -> None:
        for change in changes:
            change.task = change.send(self.life.controller, change.id)
        await a_while()

    async def _die(self) -> None:
        self.life.end()
        await a_while()

    async def _live_again(self) -> None:
        await self._die()
        self.life = Life(self.world)
        await self.life.controller._recovered
        self.unanswered = [change for change in self.changes if change.error is None]
        for change in self.unanswered:
            change.task = None

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
        value = str(change.value)
        if change.error == "":
            assert "bad" not in value, change
            assert self.was_in_force(change), change
        else:
            its_own = "bad" in value and f"refused {value}" in str(change.error)
            assert its_own or any(text in str(change.error) for text in self.may_be_told), change


def run(machine: type[OverlappingMachine]) -> None:
    """Try many sequences. They are not shrunk: what fails may never come to rest, and each such try takes a while."""
    few = settings(max_examples=60, stateful_step_count=12, phases=[Phase.generate], report_multiple_bugs=False)
    run_state_machine_as_test(machine, settings=few)
