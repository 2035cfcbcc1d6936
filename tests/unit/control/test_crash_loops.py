"""Replicas that end again and again, in a time that only jumps from one timer to the next."""

import asyncio
from itertools import pairwise

import pytest

from legacy.control.health import ANSWER_S
from legacy.control.instance import STOP_S
from legacy.control.status import status_of
from legacy.errors import BackendStartError
from tests.fakes_control import START_TIMEOUT_S, World
from tests.fakes_time import run_jumping

TRIES = 3
A_MOMENT_S = 0.05  # what a step may take beside the waits that are asked for


def run(scenario):
    """Run a coroutine function with a fresh World that notes when replicas of backend "a" are started."""

    async def main():
        world = World()
        starts, start_replica = [], world.launcher.start_replica

        def noting(start, options):
            if start.spec.tag == "a":
                starts.append(now())
            return start_replica(start, options)

        world.launcher.start_replica = noting
        try:
            return await scenario(world, starts)
        finally:
            world.loop_task.cancel()

    return run_jumping(main())


def now():
    return asyncio.get_running_loop().time()


async def crashes(world):
    """The only replica of "a", which came up, dies, and none comes up any more; gives when."""
    world.create("a")
    await world.reconciler.settled("a", "c1")
    (first,) = (actor for actor in world.launcher.actors.values() if actor.start.spec.tag == "a")
    world.launcher.failure = "RuntimeError: weights file is missing"
    world.launcher.kill(first)
    return now()


def status(world):
    return status_of(world.desired.backends["a"], world.reconciler.fleets()["a"])


def test_between_tries_it_waits_1_2_4_up_to_60_s_and_says_why_all_the_while():
    async def scenario(world, starts):
        died = await crashes(world)
        await asyncio.sleep(250)
        return [died, *starts[1:]], status(world)

    times, (word, why) = run(scenario)
    waits = [after - before for before, after in pairwise(times)]
    assert waits == pytest.approx([0, 1, 2, 4, 8, 16, 32, 60, 60, 60], abs=A_MOMENT_S)
    assert (word, why) == ("UNHEALTHY", "RuntimeError: weights file is missing")


def test_when_its_cause_is_gone_the_next_try_ends_it_and_a_later_one_begins_anew():
    async def scenario(world, starts):
        await crashes(world)
        await asyncio.sleep(100)
        world.launcher.failure = ""
        await asyncio.sleep(61)
        well, tries = status(world).word, len(starts)
        world.launcher.failure = "RuntimeError: again"
        world.launcher.kill(next(iter(world.launcher.actors.values())))
        died = now()
        await asyncio.sleep(2)
        return well, [at - died for at in starts[tries:]]

    well, waits = run(scenario)
    assert well == "HEALTHY"
    assert waits == pytest.approx([0, 1], abs=A_MOMENT_S)


def test_other_backends_do_not_notice():
    async def scenario(world, starts):
        world.create("b", "c0", num_replicas=2)
        await world.reconciler.settled("b", "c0")
        before = world.routed("b")
        await crashes(world)
        await asyncio.sleep(100)
        return before, world.routed("b"), world.launcher.started - len(starts)

    before, after, started = run(scenario)
    assert (after, started) == (before, 2)


def test_a_command_gives_up_after_its_tries():
    async def scenario(world, starts):
        world.launcher.failure = "RuntimeError: weights file is missing"
        world.create("a")
        with pytest.raises(BackendStartError, match="weights file is missing"):
            await world.reconciler.settled("a", "c1", TRIES)
        return starts

    assert run(scenario) == pytest.approx([0, 1, 3], abs=A_MOMENT_S)


def test_a_dead_replica_is_replaced_at_once_and_routed_when_its_constructor_is_through():
    constructor_s = 2.0

    async def scenario(world, starts):
        world.create("a", num_replicas=2)
        await world.reconciler.settled("a", "c1")
        world.launcher.may_start.clear()
        world.launcher.kill(next(iter(world.launcher.actors.values())))
        died = now()
        asyncio.get_running_loop().call_later(constructor_s, world.launcher.may_start.set)
        await asyncio.sleep(constructor_s - A_MOMENT_S)
        meanwhile = len(world.routed("a"))
        await asyncio.sleep(2 * A_MOMENT_S)
        return starts[2:] == pytest.approx([died], abs=A_MOMENT_S), meanwhile, len(world.routed("a"))

    assert run(scenario) == (True, 1, 2)


def test_a_drain_that_does_not_end_is_ended():
    async def scenario(world, starts):
        world.create("a", experimental_graceful_shutdown_timeout_s=7.0)
        await world.reconciler.settled("a", "c1")
        (replica,) = world.launcher.actors.values()
        world.launcher.may_stop.clear()
        world.desired.backends.pop("a")
        begun = now()
        world.reconciler.forget("a", force=False)
        await replica.dead.wait()
        return replica.drained_with, now() - begun

    drained_with, took = run(scenario)
    assert drained_with == pytest.approx(7.0, abs=0.5)
    assert took == pytest.approx(7.0 + STOP_S, abs=1.0)


@pytest.mark.parametrize(
    ("stops_in", "limit_s", "said"),
    [
        ("its constructor", START_TIMEOUT_S, "not ready in time: .* 5 s"),
        ("its first check", 4 + ANSWER_S, "health check"),
    ],
)
def test_a_replica_that_is_stopped_while_it_starts_has_the_time_of_that_step_and_is_then_replaced(
    stops_in, limit_s, said
):
    async def scenario(world, starts):
        if stops_in == "its constructor":
            world.launcher.may_start.clear()
        world.launcher.silent = True
        world.create("a", health_check_timeout_s=2.0)
        await asyncio.sleep(0)
        with pytest.raises(BackendStartError, match=said):
            await world.reconciler.settled("a", "c1")
        took = now()
        world.launcher.silent = False
        world.launcher.may_start.set()
        await world.reconciler.settled("a", "c1", TRIES)
        return took, len(starts), len(world.launcher.actors)

    took, started, living = run(scenario)
    assert took == pytest.approx(limit_s, abs=A_MOMENT_S)
    assert (started, living) == (2, 1)
