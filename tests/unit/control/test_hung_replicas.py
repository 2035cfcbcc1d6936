"""Which replicas are replaced because they hang or say they are sick, and which are left alone."""

import asyncio

import pytest
import ray.exceptions

from legacy.config import BackendConfig
from legacy.control.answering import UNANSWERED
from legacy.control.health import ANSWER_S
from legacy.control.process_state import LOOKS, PAUSE_S
from legacy.replica import deadlock, liveness
from tests.fakes_control import FakeReplica, World, run
from tests.unit.control.test_reconcile import until

PROMISED_S = 15.0
QUICK = {"health_check_period_s": 0.005, "health_check_timeout_s": 0.05}
SICK = ray.exceptions.RayTaskError("check_health", "Traceback ...", ValueError("sick"))


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr("legacy.control.fleet.retry_delay", lambda failures: 0.01)
    monkeypatch.setattr("legacy.control.health.ANSWER_S", 0.01)


async def serving(world):
    """The only replica of backend "a"."""
    world.create("a", **QUICK)
    await world.reconciler.settled("a", "c1")
    (replica,) = world.launcher.actors.values()
    return replica


async def is_replaced(world, replica):
    await asyncio.wait_for(replica.dead.wait(), 5)
    await until(lambda: world.routed("a") not in ([], [replica.start.tag]))


def checks(replica, *outcomes):
    """Let the replica's next health checks end so, and the last one for ever; gives an event that is set by then."""
    left, over = list(outcomes), asyncio.Event()

    async def check(timeout_s):
        outcome = left.pop(0) if len(left) > 1 else left[0]
        if len(left) == 1:
            over.set()
        if outcome is SICK:
            raise SICK
        return outcome

    replica._check_health = check
    return over


def test_the_default_times_find_what_hangs_within_the_promised_15_s():
    period_s, timeout_s = BackendConfig().answer_limits()
    assert period_s + UNANSWERED * max(timeout_s, LOOKS * PAUSE_S) + ANSWER_S <= PROMISED_S
    assert liveness.SUSPICIOUS_S + deadlock.STILL_S + 3 * liveness.LOOK_S <= PROMISED_S


def test_a_replica_whose_user_code_will_never_go_on_is_replaced_at_once(caplog):
    async def scenario(world):
        replica = await serving(world)
        replica.hung.set()
        await is_replaced(world, replica)

    run(scenario)
    assert "failed, hung: user code is in a deadlock" in caplog.text


@pytest.mark.parametrize("crash", [False, True])
def test_a_replica_that_stops_while_it_finishes_its_requests_is_not_waited_for(crash):
    async def scenario(world):
        world.create("a", experimental_graceful_shutdown_timeout_s=1000.0, **QUICK)
        await world.reconciler.settled("a", "c1")
        world.launcher.may_stop.clear()
        world.desired.backends.pop("a")
        world.reconciler.forget("a", force=False)
        (replica,) = world.launcher.actors.values()
        await until(lambda: replica.drained_with)
        if crash:
            world.loop_task.cancel()
            world = World(world.kv, world.launcher)
            for record in world.store.load_all("replica"):
                world.reconciler.adopt(record)
        world.launcher.silent = True
        await asyncio.wait_for(world.reconciler.gone("a"), 5)
        world.loop_task.cancel()

    run(scenario)


def test_a_replica_that_answers_nothing_is_replaced(caplog):
    async def scenario(world):
        replica = await serving(world)
        world.launcher.silent = True
        await asyncio.wait_for(replica.dead.wait(), 5)
        world.launcher.silent = False
        await is_replaced(world, replica)

    run(scenario)
    assert "failed, hung: its process answers nothing" in caplog.text


def test_a_replica_that_answers_nothing_but_computes_is_left_alone(caplog):
    async def scenario(world):
        replica = await serving(world)
        world.launcher.computes = True
        world.launcher.silent = True
        await until(lambda: "it is left alone" in caplog.text)
        world.launcher.silent = False
        await asyncio.sleep(0.05)
        return replica.dead.is_set(), world.routed("a") == [replica.start.tag]

    assert run(scenario) == (False, True)


def test_three_failed_checks_in_a_row_replace_a_replica():
    async def scenario(world):
        replica = await serving(world)
        checks(replica, SICK, SICK, True, SICK)
        await is_replaced(world, replica)

    run(scenario)


@pytest.mark.parametrize("flapping", [[SICK, True] * 30, [SICK, SICK, True] * 20, [SICK, SICK, False, True] * 15])
def test_a_replica_that_fails_now_and_then_is_never_replaced(flapping):
    async def scenario(world):
        replica = await serving(world)
        over, check = checks(replica, *flapping), replica._check_health
        sick = []

        async def noting(timeout_s):
            sick.append(world.replicas("a")[replica.start.tag].sick)
            return await check(timeout_s)

        replica._check_health = noting
        await asyncio.wait_for(over.wait(), 10)
        return replica.dead.is_set(), world.launcher.started, any(sick)

    assert run(scenario) == (False, 1, False)


def test_a_check_that_could_not_be_asked_counts_neither_way():
    async def scenario(world):
        replica = await serving(world)
        checks(replica, SICK, False, SICK, False, SICK)
        await is_replaced(world, replica)

    run(scenario)


def test_a_replica_that_hangs_while_it_drains_has_its_deadline():
    async def scenario(world):
        replica = await serving(world)
        world.launcher.may_stop.clear()
        world.desired.backends.pop("a")
        world.reconciler.forget("a", force=False)
        await until(lambda: replica.drained_with is not None)
        replica.hung.set()
        await asyncio.sleep(0.05)
        killed_early = replica.dead.is_set()
        world.launcher.may_stop.set()
        await asyncio.wait_for(replica.dead.wait(), 5)
        return killed_early

    assert run(scenario) is False


@pytest.mark.parametrize(("asked", "number"), [("_wait_until_gone", 2), ("_alive", 1), ("_check_health", 2)])
def test_a_watch_over_a_replica_goes_on_whatever_went_wrong(monkeypatch, caplog, asked, number):
    monkeypatch.setattr("legacy.control.supervisor.AGAIN_S", 0.001)
    rightly, calls = getattr(FakeReplica, asked), []

    async def fail_once(replica, *args):
        calls.append(replica)
        if len(calls) == number:
            raise ValueError("nothing that Ray raises")
        return await rightly(replica, *args)

    async def scenario(world):
        await serving(world)
        await until(lambda: len(calls) > number)

    monkeypatch.setattr(FakeReplica, asked, fail_once)
    run(scenario)
    assert "the watch over replica 'a#" in caplog.text
    assert "failed and goes on: Traceback" in caplog.text
