import asyncio
from dataclasses import replace

import pytest

from legacy.config import AutoscalingConfig
from legacy.control.autoscaler import Autoscaler
from legacy.control.changes import Changes
from legacy.control.deploy_decision import decide
from legacy.errors import BackendStartError
from legacy.generations import DEPLOYMENT
from legacy.records import Endpoint, Poll
from tests.fakes_control import run, spec

FAST = {"metrics_interval_s": 0.1, "look_back_period_s": 0.3, "upscale_delay_s": 0, "downscale_delay_s": 0}


def scaling(**given):
    return AutoscalingConfig(**{**FAST, "target_num_ongoing_requests_per_replica": 5, **given})


async def started(world, config):
    world.publisher.open()
    record = world.create("a", autoscaling_config=config)
    await world.reconciler.settled("a", record.revision)
    return Autoscaler(Changes(world.desired, world.store, world.publisher, world.reconciler, world.environments))


async def report(world, load):
    poll = Poll("r", "proxy", "epoch", world.publisher.version, load={"a": load})
    await world.publisher.watch(poll, 0.001)


async def scaled_to(world, replicas):
    while len(world.routed("a")) != replicas:
        await asyncio.sleep(0)


def test_load_reported_by_routers_adds_replicas_and_its_end_removes_them():
    async def scenario(world):
        autoscaler = await started(world, scaling(max_replicas=3))
        await report(world, 60)
        await autoscaler.step(1.0)
        await scaled_to(world, 3)
        await report(world, 0)
        for now in (2.0, 2.2, 2.4):
            await autoscaler.step(now)
        await scaled_to(world, 1)
        return world.store.load("backend", "a").config.num_replicas

    assert run(scenario) == 1


def test_a_backend_scaled_to_zero_starts_a_replica_for_the_first_waiting_request():
    async def scenario(world):
        autoscaler = await started(world, scaling(min_replicas=0, max_replicas=2))
        assert world.routed("a") == []
        await autoscaler.step(1.0)
        await report(world, 1)
        await autoscaler.step(1.05)
        await scaled_to(world, 1)

    run(scenario)


def test_routers_report_as_often_as_autoscaling_needs():
    async def scenario(world):
        autoscaler = await started(world, scaling(max_replicas=2))
        before = autoscaler.poll_patience(30.0)
        await autoscaler.step(1.0)
        return before, autoscaler.poll_patience(30.0)

    assert run(scenario) == (30.0, 0.1)


def test_a_deleted_backend_is_forgotten():
    async def scenario(world):
        autoscaler = await started(world, scaling(max_replicas=2))
        await autoscaler.step(1.0)
        world.desired.backends.clear()
        await autoscaler.step(2.0)
        return autoscaler.poll_patience(30.0)

    assert run(scenario) == 30.0


async def new_version_of_a_scaled_deployment(world, config):
    """Version 1 serves with a single replica; gives what looks after it, and the accepted record of version 2."""
    changes = Changes(world.desired, world.store, world.publisher, world.reconciler, world.environments)
    world.publisher.open()
    for command, version in (("c1", "v1"), ("c2", "v2")):
        wanted = spec("a", version, DEPLOYMENT, autoscaling_config=config)
        endpoint = Endpoint("a", "/a", (), {"a": 1.0}, generation=DEPLOYMENT)
        found = decide(world.desired, command, wanted, endpoint, None)
        record = replace(found.backend, surge=True, code_key=world.store.save_code(version.encode()))
        changes.accept(record, found.endpoint)
        if version == "v1":
            await changes.scale("a", 1)
            await changes.carry_out(record)
            world.launcher.may_start.clear()
    return Autoscaler(changes), changes, record


@pytest.mark.parametrize("initial_replicas", [None, 1])
@pytest.mark.parametrize("fails", [False, True])
def test_a_version_without_load_is_not_good_before_a_replica_of_it_came_up(initial_replicas, fails):
    async def scenario(world):
        config = scaling(min_replicas=0, max_replicas=2, initial_replicas=initial_replicas)
        autoscaler, changes, second = await new_version_of_a_scaled_deployment(world, config)
        (old,) = world.routed("a")
        carrying_out = asyncio.ensure_future(changes.carry_out(second))
        for now in (1.0, 1.2, 1.4):
            await autoscaler.step(now)
            await asyncio.sleep(0.01)
        assert (world.routed("a"), carrying_out.done()) == ([old], False)
        world.launcher.failure = "RuntimeError: bad version" if fails else ""
        world.launcher.may_start.set()
        if fails:
            with pytest.raises(BackendStartError, match="bad version"):
                await carrying_out
        else:
            await carrying_out
        for now in (2.0, 2.2, 2.4):
            await autoscaler.step(now)
        await scaled_to(world, 0)
        return world.desired.backends["a"].version

    assert run(scenario) == ("v1" if fails else "v2")
