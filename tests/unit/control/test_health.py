"""What health checks decide about replicas, on replicas that are not there."""

import asyncio

import pytest

from legacy.control.health import GIVEN_UP_CHECKS, failed_first_check
from legacy.control.plan import State
from legacy.control.status import status_of
from legacy.errors import BackendHealthError, BackendStartError
from tests.fakes_control import FakeReplica, World, run
from tests.unit.control.test_reconcile import until

CHECKS = {"health_check_period_s": 0.01, "health_check_timeout_s": 0.05}


@pytest.fixture(autouse=True)
def _quick_retries(monkeypatch):
    monkeypatch.setattr("legacy.control.fleet.retry_delay", lambda failures: 0.01)
    monkeypatch.setattr("legacy.control.health.ANSWER_S", 0.01)


async def one_that_falls_sick(world, **config):
    """A backend a of which the first replicas are sick after they came up; gives them."""
    world.create("a", **{**CHECKS, **config})
    await world.reconciler.settled("a", "c1")
    first = list(world.launcher.actors.values())
    world.launcher.sick = lambda replica: replica in first
    return first


def failures(world):
    return [(failure.kind, failure.error) for failure in world.reconciler.fleets()["a"].failures]


@pytest.mark.parametrize("silent", [False, True])
def test_a_replica_whose_first_check_fails_is_never_routed_and_its_start_has_failed(silent):
    async def scenario(world):
        world.launcher.sick, world.launcher.silent = lambda replica: not silent, silent
        world.create("a", **CHECKS)
        with pytest.raises(BackendHealthError, match=r"its health check failed: (sick|TimeoutError: its health check)"):
            await world.reconciler.settled("a", "c1")
        assert world.routed("a") == []
        return world.launcher.actors

    assert run(scenario) == {}


async def never_asked(timeout_s):
    await asyncio.sleep(0.001)
    return False


def test_a_first_check_for_which_user_code_never_leaves_its_thread_fails_in_the_time_of_a_start():
    async def scenario(world):
        replica = FakeReplica(None, world.launcher)
        replica._check_health = never_asked
        return await failed_first_check("a#1", replica, 0.05, 0.05)

    failure = run(scenario)
    assert (failure.kind, "could not run" in failure.error) == ("timeout", True)


def test_user_code_that_hangs_before_its_first_check_is_asked_is_a_start_that_has_failed():
    async def scenario(world):
        world.launcher.may_start.clear()
        world.create("a", **CHECKS)
        await until(lambda: world.launcher.actors)
        (replica,) = world.launcher.actors.values()
        replica._check_health = never_asked
        replica.hung.set()
        world.launcher.may_start.set()
        with pytest.raises(BackendStartError, match="it hangs: user code is in a deadlock"):
            await world.reconciler.settled("a", "c1")
        return world.launcher.actors

    assert run(scenario) == {}


def test_a_controller_that_comes_back_checks_what_was_starting():
    async def scenario(world):
        world.launcher.may_start.clear()
        world.create("a", **CHECKS)
        await until(lambda: world.launcher.actors)
        for task in (world.loop_task, *next(iter(world.reconciler.fleets()["a"].replicas.values())).tasks):
            task.cancel()
        again = World(world.kv, world.launcher)
        again.desired.restore(world.desired.backends["a"])
        for replica in again.store.load_all("replica"):
            again.reconciler.adopt(replica)
        world.launcher.sick = lambda replica: True
        world.launcher.may_start.set()
        await until(lambda: failures(again))
        again.loop_task.cancel()
        return failures(again)[0], again.routed("a")

    assert run(scenario) == (("health", "sick"), [])


def test_three_failed_checks_replace_a_replica_that_finishes_its_requests_first():
    async def scenario(world):
        first = await one_that_falls_sick(world)
        await asyncio.wait_for(first[0].dead.wait(), 5)
        return first[0].drained_with, world.routed("a"), world.launcher.started

    drained, routed, started = run(scenario)
    assert drained == pytest.approx(20.0, abs=0.5)
    assert (len(routed), started) == (1, 2)


def test_sick_replicas_serve_on_while_their_replacements_are_sick_too():
    async def scenario(world):
        first = await one_that_falls_sick(world, num_replicas=3)
        world.launcher.sick = lambda replica: True
        await until(lambda: len(failures(world)) >= 4)
        return len(set(world.routed("a")) & {replica.start.tag for replica in first}), failures(world)[-1]

    assert run(scenario) == (2, ("health", "sick"))


def test_a_single_sick_replica_serves_until_its_replacement_is_good():
    async def scenario(world):
        (first,) = await one_that_falls_sick(world)
        world.launcher.may_start.clear()
        await until(lambda: len(world.launcher.actors) == 2)
        return world.routed("a") == [first.start.tag]

    assert run(scenario)


def test_a_single_sick_replica_without_room_for_another_serves_until_there_is_room(monkeypatch):
    monkeypatch.setattr("legacy.control.supervisor.GIVEN_UP_CHECKS", 100_000)

    async def scenario(world):
        world.room = False
        (first,) = await one_that_falls_sick(world)
        live = world.reconciler.fleets()["a"].replicas[first.start.tag]
        await until(lambda: live.unhealthy >= 10)
        assert (world.routed("a"), world.launcher.started) == ([first.start.tag], 1)
        assert failures(world) == [("health", "sick")]
        world.update("a", "c2", health_check_period_s=0.02)
        await world.reconciler.settled("a", "c2")  # nothing else is to be done for it
        assert status_of(world.desired.backends["a"], world.reconciler.fleets()["a"]) == (
            "UNHEALTHY",
            "1 of 1 replicas fail their health checks",
        )
        world.room = True
        await asyncio.wait_for(first.dead.wait(), 5)
        return len(world.routed("a")), world.launcher.started

    assert run(scenario) == (1, 2)


def test_a_single_sick_replica_without_room_for_another_is_started_anew_when_it_does_not_get_well():
    async def scenario(world):
        world.room = False
        (first,) = await one_that_falls_sick(world)
        live = world.reconciler.fleets()["a"].replicas[first.start.tag]
        await asyncio.wait_for(first.dead.wait(), 5)
        await until(lambda: world.routed("a") not in ([], [first.start.tag]))
        return live.unhealthy, world.launcher.started, failures(world)

    assert run(scenario) == (GIVEN_UP_CHECKS, 2, [])


def test_a_replica_that_gets_well_again_stays_and_its_failures_are_forgotten():
    async def scenario(world):
        (first,) = await one_that_falls_sick(world)
        world.launcher.may_start.clear()
        await until(lambda: failures(world))
        world.launcher.sick = lambda replica: False
        await until(lambda: not failures(world))
        await world.reconciler.settled("a", "c1")
        return world.routed("a") == [first.start.tag]

    assert run(scenario)


def test_a_replica_that_does_not_answer_at_all_is_killed_and_counts_as_a_failure():
    async def scenario(world):
        (first,) = await one_that_falls_sick(world)
        world.launcher.silent = True
        await asyncio.wait_for(first.dead.wait(), 5)
        return first.drained_with, failures(world)[0][0]

    assert run(scenario) == (None, "hung")


def test_a_config_that_makes_a_replica_sick_is_not_taken_for_good():
    async def scenario(world):
        world.create("a", **CHECKS)
        await world.reconciler.settled("a", "c1")
        world.launcher.sick = lambda replica: bool(replica.configs)
        world.update("a", "c2", user_config="bad")
        with pytest.raises(BackendHealthError, match="sick"):
            await world.reconciler.settled("a", "c2")
        return [seen.state for seen in world.replicas("a").values()]

    assert run(scenario) == [State.RUNNING]


def test_a_change_is_not_blamed_for_a_replica_that_falls_sick_beside_it():
    async def scenario(world):
        world.create("a", **CHECKS, num_replicas=2)
        await world.reconciler.settled("a", "c1")
        (first, _) = world.launcher.actors.values()
        world.launcher.may_start.clear()
        world.update("a", "c2", num_replicas=3)
        changing = asyncio.ensure_future(world.reconciler.settled("a", "c2"))
        world.launcher.sick = lambda replica: replica is first
        await until(lambda: failures(world))
        world.launcher.may_start.set()
        await changing
        return first.start.tag in world.routed("a"), len(world.routed("a"))

    assert run(scenario) == (False, 3)
