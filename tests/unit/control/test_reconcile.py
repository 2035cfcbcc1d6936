import asyncio
from dataclasses import replace

import pytest
from ray.exceptions import ActorUnavailableError

from legacy.control.plan import State
from legacy.errors import BackendDeletedError, BackendStartError, ChangeSupersededError
from legacy.records import Poll
from tests.fakes_control import FakeReplica, World, run


async def until(condition):
    """Let everything else run until a condition holds; the scenario's own deadline bounds it."""
    while not condition():
        await asyncio.sleep(0)


def test_a_backend_is_settled_once_all_replicas_run_and_are_routed():
    async def scenario(world):
        world.create("a", num_replicas=3)
        await world.reconciler.settled("a", "c1")
        return world.routed("a"), world.launcher.started

    routed, started = run(scenario)
    assert len(set(routed)) == started == 3
    assert all(tag.startswith("a#") and len(tag) == 8 for tag in routed)


def test_a_failing_constructor_ends_the_wait_with_the_users_error():
    async def scenario(world):
        world.launcher.failure = "RuntimeError: weights file is missing"
        world.create("a")
        await world.reconciler.settled("a", "c1")

    with pytest.raises(BackendStartError, match="weights file is missing"):
        run(scenario)


def test_deleting_a_backend_ends_the_wait_for_it():
    async def scenario(world):
        world.launcher.may_start.clear()
        world.create("a")
        waiting = asyncio.ensure_future(world.reconciler.settled("a", "c1"))
        await until(lambda: world.replicas("a"))
        world.desired.backends.pop("a")
        world.reconciler.forget("a", force=True)
        await world.reconciler.gone("a")
        assert world.launcher.actors == {}
        await waiting

    with pytest.raises(BackendDeletedError):
        run(scenario)


def test_scaling_down_unroutes_before_it_drains():
    async def scenario(world):
        world.create("a", num_replicas=2)
        await world.reconciler.settled("a", "c1")
        world.launcher.may_stop.clear()
        world.update("a", "c2", num_replicas=1)
        await until(lambda: any(r.drained_with for r in world.launcher.actors.values()))
        assert len(world.routed("a")) == 1
        assert len(world.replicas("a")) == 2
        world.launcher.may_stop.set()
        await world.reconciler.settled("a", "c2")
        return len(world.launcher.actors)

    assert run(scenario) == 1


def test_a_replica_is_told_to_stop_when_the_routers_calls_to_it_are_over():
    async def scenario(world):
        world.publisher.open()
        world.create("a")
        await world.reconciler.settled("a", "c1")
        (replica,) = world.launcher.actors.values()
        version = world.publisher.version
        polling = asyncio.ensure_future(world.publisher.watch(Poll("r", "handle", "epoch", version), 10))
        await asyncio.sleep(0)
        world.desired.backends.pop("a")
        world.reconciler.forget("a", force=False)
        update = await polling
        assert replica.drained_with is None
        again = Poll("r", "handle", "epoch", update.version, frozenset({replica.start.tag}))
        await world.publisher.watch(again, 10)  # the replica's last call may still be on its way
        assert replica.drained_with is None
        polling = asyncio.ensure_future(world.publisher.watch(replace(again, unfinished=frozenset()), 10))
        await world.reconciler.gone("a")
        polling.cancel()
        return replica.drained_with

    assert 15.0 < run(scenario) < 20.0


def test_force_gives_no_time_to_drain():
    async def scenario(world):
        world.create("a")
        await world.reconciler.settled("a", "c1")
        (replica,) = world.launcher.actors.values()
        world.desired.backends.pop("a")
        world.reconciler.forget("a", force=True)
        await world.reconciler.gone("a")
        return replica.drained_with

    assert run(scenario) == 0.0


def test_a_dead_replica_is_unrouted_and_replaced():
    async def scenario(world):
        world.create("a")
        await world.reconciler.settled("a", "c1")
        (first,) = world.launcher.actors.values()
        world.launcher.kill(first)
        await until(lambda: world.routed("a") not in ([], [first.start.tag]))
        return world.launcher.started

    assert run(scenario) == 2


def test_a_new_config_reaches_running_replicas_in_place():
    async def scenario(world):
        world.create("a", num_replicas=2)
        await world.reconciler.settled("a", "c1")
        world.update("a", "c2", user_config={"x": 1})
        await world.reconciler.settled("a", "c2")
        return [[c.user_config for c in r.configs] for r in world.launcher.actors.values()], world.launcher.started

    assert run(scenario) == ([[{"x": 1}], [{"x": 1}]], 2)


def test_a_refused_config_raises_from_the_wait():
    async def scenario(world):
        world.create("a")
        await world.reconciler.settled("a", "c1")
        world.launcher.refuses = lambda config: config.user_config == "bad"
        world.update("a", "c2", user_config="bad")
        await world.reconciler.settled("a", "c2")

    with pytest.raises(BackendStartError, match=r"reconfigure\(user_config\) failed: ValueError: refused"):
        run(scenario)


def test_a_later_command_ends_the_wait_of_an_earlier_one_which_is_told_so():
    async def scenario(world):
        world.launcher.may_start.clear()
        world.create("a")
        waiting = asyncio.ensure_future(world.reconciler.settled("a", "c1"))
        await until(lambda: world.replicas("a"))
        world.update("a", "c2", num_replicas=2)
        with pytest.raises(ChangeSupersededError, match="another change of backend 'a' took the place"):
            await asyncio.wait_for(waiting, 5)
        return len(world.replicas("a"))

    assert run(scenario) >= 1


def test_a_restarted_controller_adopts_what_runs_and_starts_nothing():
    async def scenario(world):
        record = world.create("a", num_replicas=2)
        world.store.save("backend", "a", record)
        await world.reconciler.settled("a", "c1")
        before = set(world.launcher.actors)
        world.loop_task.cancel()
        again = World(world.kv, world.launcher)
        again.desired.restore(again.store.load("backend", "a"))
        for replica in again.store.load_all("replica"):
            again.reconciler.adopt(replica)
        again.reconciler.touch("a")
        await again.reconciler.settled("a", "c1")
        again.loop_task.cancel()
        return before == set(again.routed("a")), again.launcher.started

    assert run(scenario) == (True, 2)


def test_a_replica_that_could_not_be_reached_for_a_moment_stays_and_is_replaced_when_it_dies(monkeypatch):
    monkeypatch.setattr("legacy.control.answering.AGAIN_S", 0.0)

    async def scenario(world):
        away = [ActorUnavailableError("away", None)] * 3

        async def wait_until_gone(replica):
            if away:
                raise away.pop()
            return await alive(replica)

        alive = FakeReplica._wait_until_gone
        monkeypatch.setattr(FakeReplica, "_wait_until_gone", wait_until_gone)
        world.create("a")
        await world.reconciler.settled("a", "c1")
        (first,) = world.launcher.actors.values()
        await until(lambda: not away)
        stayed = world.routed("a") == [first.start.tag]
        world.launcher.kill(first)
        await until(lambda: world.routed("a") not in ([], [first.start.tag]))
        return stayed

    assert run(scenario)


def test_replicas_that_died_while_the_controller_was_away_are_replaced():
    async def scenario(world):
        record = world.create("a")
        world.store.save("backend", "a", record)
        await world.reconciler.settled("a", "c1")
        world.loop_task.cancel()
        world.launcher.actors.clear()
        again = World(world.kv, world.launcher)
        again.desired.restore(again.store.load("backend", "a"))
        for replica in again.store.load_all("replica"):
            again.reconciler.adopt(replica)
        again.reconciler.begin("a")
        await again.reconciler.settled("a", "c1")
        again.loop_task.cancel()
        return len(again.routed("a")), len(again.store.load_all("replica"))

    assert run(scenario) == (1, 1)


def test_a_replica_that_was_draining_goes_on_draining_after_a_restart():
    async def scenario(world):
        world.create("a")
        await world.reconciler.settled("a", "c1")
        world.launcher.may_stop.clear()
        world.desired.backends.pop("a")
        world.reconciler.forget("a", force=False)
        await until(lambda: all(r.drained_with for r in world.launcher.actors.values()))
        world.loop_task.cancel()
        again = World(world.kv, world.launcher)
        for replica in again.store.load_all("replica"):
            again.reconciler.adopt(replica)
        assert [seen.state for seen in again.replicas("a").values()] == [State.DRAINING]
        world.launcher.may_stop.set()
        await again.reconciler.gone("a")
        again.loop_task.cancel()
        return again.store.load_all("replica")

    assert run(scenario) == []


def tcp_addresses(world, tag):
    return [replica.tcp for replica in world.publisher.log.since("", 0).backends[tag].replicas]


def test_replicas_open_tcp_ports_when_a_second_node_joins():
    async def scenario(world):
        world.create("a")
        await world.reconciler.settled("a", "c1")
        world.reconciler.nodes_changed(several=True)
        await until(lambda: tcp_addresses(world, "a") == [("10.0.0.1", 4000)])

    run(scenario)


def test_a_replica_that_was_starting_when_a_second_node_joined_opens_its_port_too():
    async def scenario(world):
        world.launcher.may_start.clear()
        world.create("a")
        await until(lambda: world.replicas("a"))
        world.reconciler.nodes_changed(several=True)
        world.launcher.may_start.set()
        await until(lambda: tcp_addresses(world, "a") == [("10.0.0.1", 4000)])

    run(scenario)
