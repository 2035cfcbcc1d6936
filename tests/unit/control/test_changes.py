from dataclasses import replace

import pytest

from legacy.control.changes import Changes
from legacy.control.deploy_decision import decide
from legacy.errors import BackendStartError, ChangeSupersededError
from legacy.generations import DEPLOYMENT
from legacy.records import Endpoint
from tests.fakes_control import run, spec


def changes_of(world):
    return Changes(world.desired, world.store, world.publisher, world.reconciler, world.environments)


async def create(world, tag="a", command="c1", **config):
    record = world.desired.create_backend(command, spec(tag, **config), world.store.save_code(b"code"))
    changes_of(world).accept(record)
    await changes_of(world).carry_out(record)


def test_a_backend_that_came_up_is_confirmed_in_the_checkpoint():
    async def scenario(world):
        await create(world)
        return world.store.load("backend", "a").confirmed

    assert run(scenario)


def test_a_new_backend_that_fails_leaves_nothing_behind():
    async def scenario(world):
        world.launcher.failure = "RuntimeError: no weights"
        with pytest.raises(BackendStartError, match="no weights"):
            await create(world)
        return world.desired.backends, world.launcher.actors, world.kv.data

    assert run(scenario) == ({}, {}, {})


def test_an_update_that_fails_puts_the_old_config_back_on_every_replica():
    async def scenario(world):
        await create(world, user_config="good", num_replicas=3)
        world.launcher.refuses = lambda config: config.user_config == "bad"
        record = world.desired.update_backend("c2", "a", {"user_config": "bad"})
        changes_of(world).accept(record)
        with pytest.raises(BackendStartError, match="refused"):
            await changes_of(world).carry_out(record)
        await world.reconciler.settled("a", "c2-undone")
        heard = {replica.configs[-1].user_config for replica in world.launcher.actors.values() if replica.configs}
        return world.desired.backends["a"].config.user_config, heard, world.launcher.started

    assert run(scenario) == ("good", {"good"}, 3)


def test_a_scale_up_that_fails_keeps_the_replicas_that_ran():
    async def scenario(world):
        await create(world, num_replicas=2)
        before = set(world.routed("a"))
        world.launcher.failure = "RuntimeError: no GPU"
        record = world.desired.update_backend("c2", "a", {"num_replicas": 4})
        changes_of(world).accept(record)
        with pytest.raises(BackendStartError, match="no GPU"):
            await changes_of(world).carry_out(record)
        await world.reconciler.settled("a", "c2-undone")
        return before == set(world.routed("a")), world.store.load("backend", "a").config.num_replicas

    assert run(scenario) == (True, 2)


def test_a_version_that_fails_keeps_the_old_replicas_and_their_code():
    async def scenario(world):
        await create(world, num_replicas=1)
        (old,) = world.routed("a")
        world.launcher.failure = "RuntimeError: bad version"
        endpoint = Endpoint("a", "/a", (), {"a": 1.0}, generation=DEPLOYMENT)
        record = decide(world.desired, "c2", spec("a", "v2", DEPLOYMENT), endpoint, None).backend
        record = type(record)(**{**vars(record), "surge": True, "code_key": world.store.save_code(b"new code")})
        changes_of(world).accept(record)
        with pytest.raises(BackendStartError, match="bad version"):
            await changes_of(world).carry_out(record)
        assert world.routed("a") == [old]
        return [world.store.load_code(world.desired.backends["a"].code_key), len(world.kv.keys("ns/ctl/code/"))]

    assert run(scenario) == [b"code", 1]


def deploy(world, command, name, route, version=None):
    """Accept a deployment; nothing waits for its replicas yet."""
    endpoint = Endpoint(name, route, (), {name: 1.0}, generation=DEPLOYMENT)
    found = decide(world.desired, command, spec(name, version, DEPLOYMENT), endpoint, None)
    changes_of(world).accept(replace(found.backend, code_key=world.store.save_code(b"code")), found.endpoint)
    return world.desired.backends[name]


def test_a_change_that_fails_does_not_take_back_a_route_that_was_handed_over_meanwhile():
    async def scenario(world):
        for name, route in (("model", "/"), ("ingress", None)):
            await changes_of(world).carry_out(deploy(world, f"c-{name}", name, route))
        world.launcher.failure = "RuntimeError: no weights"
        changed = deploy(world, "c2", "model", "/")
        await changes_of(world).set_routes(world.desired.set_routes("r", {"model": None, "ingress": "/"}))
        with pytest.raises(BackendStartError, match="no weights"):
            await changes_of(world).carry_out(changed)
        stored = {each.endpoint.name: each.endpoint.route for each in world.store.load_all("endpoint")}
        return stored, world.desired.routes.listing()

    assert run(scenario) == ({"model": None, "ingress": "/"}, {"/": "ingress"})


def test_code_that_no_backend_uses_any_more_is_removed():
    async def scenario(world):
        await create(world, "a")
        await create(world, "b", "c2")
        for tag in ("a", "b"):
            await changes_of(world).drop_backend(f"delete {tag}", world.desired.backends[tag], force=True)
        return list(world.kv.data)

    assert run(scenario) == ["ns/ctl/deletes/last"]


def test_a_change_that_a_later_command_replaced_is_not_undone():
    async def scenario(world):
        await create(world, num_replicas=1)
        world.launcher.failure = "RuntimeError: later fixed"
        first = world.desired.update_backend("c2", "a", {"num_replicas": 2})
        changes_of(world).accept(first)
        second = world.desired.update_backend("c3", "a", {"num_replicas": 1})
        changes_of(world).accept(second)
        with pytest.raises(ChangeSupersededError):
            await changes_of(world).carry_out(first)
        await changes_of(world).carry_out(second)
        return world.desired.backends["a"].revision

    assert run(scenario) == "c3"
