from dataclasses import replace

import pytest

from legacy.control.deploy_decision import decide
from legacy.control.desired import Desired
from legacy.control.registered import wants_the_same
from legacy.generations import DEPLOYMENT
from legacy.records import Endpoint
from tests.fakes_control import spec


def endpoint(name="d", route="/d"):
    return Endpoint(name, route, (), {name: 1.0}, generation=DEPLOYMENT)


def deploy(desired, command, version=None, route="/d", name="d", prev_version=None, **config):
    found = decide(desired, command, spec(name, version, DEPLOYMENT, **config), endpoint(name, route), prev_version)
    for record in (found.backend, found.endpoint):
        if record is not None:
            desired.restore(record)
    return found


@pytest.fixture
def desired():
    state = Desired()
    deploy(state, "c1", "v1", user_config={"a": 1})
    confirm(state)
    return state


def confirm(state):
    state.restore(replace(state.backends["d"], confirmed=True))


def test_the_same_version_with_the_same_config_is_left_alone(desired):
    found = deploy(desired, "c2", "v1", user_config={"a": 1})
    assert (found.backend, found.endpoint) == (None, None)


def test_the_same_version_with_another_config_keeps_code_and_version(desired):
    before = desired.backends["d"]
    after = deploy(desired, "c2", "v1", user_config={"a": 2}, num_replicas=3).backend
    assert (after.version, after.code_key, after.replicas) == (before.version, before.code_key, 3)
    assert after.stamp == "c2"


def test_a_new_version_replaces_and_remembers_what_to_restore(desired):
    before = desired.backends["d"]
    after = deploy(desired, "c2", "v2").backend
    assert after.version == "v2"
    assert after.before.backend == before
    assert after.before.endpoint.endpoint.route == "/d"


def test_without_a_version_every_deploy_replaces():
    state = Desired()
    versions = {deploy(state, command).backend.version for command in ("c1", "c2", "c3")}
    assert len(versions) == 3


def test_a_command_that_runs_again_changes_nothing(desired):
    assert deploy(desired, "c1", "v9").backend is None


def test_an_unconfirmed_version_restores_the_last_one_that_ran(desired):
    deploy(desired, "c2", "v2", route="/moved")
    third = deploy(desired, "c3", "v3").backend
    assert third.before.backend.version == "v1"
    assert third.before.endpoint.endpoint.route == "/d"
    assert third.superseded == ("c2",)


def test_what_is_not_in_force_is_not_there_for_the_next_deploy(desired):
    deploy(desired, "c2", "v2", user_config={"a": 2})
    third = deploy(
        desired, "c3", "v1", user_config={"a": 1}
    ).backend  # what runs: but replicas may have begun to change
    assert (third.version, third.config.user_config, third.confirmed) == ("v1", {"a": 1}, False)
    assert third.stamp not in (desired.backends["d"].before.backend.stamp, "c2")


def test_a_deploy_in_the_place_of_a_first_one_has_nothing_to_restore_and_owns_its_endpoint():
    state = Desired()
    first = deploy(state, "c1", "v1").backend
    state.restore(replace(first, created_endpoint=True))
    second = deploy(state, "c2", "v2").backend
    assert (second.before, second.created_endpoint, second.superseded) == (None, True, ("c1",))


def test_a_deploy_after_a_change_without_an_endpoint_restores_the_endpoint_that_is_there(desired):
    desired.restore(desired.update_backend("c2", "d", {"num_replicas": 2}))
    third = deploy(desired, "c3", "v2", route="/moved").backend
    assert third.before.endpoint.endpoint.route == "/d"


def test_the_same_wish_is_told_by_version_or_code_and_by_config(desired):
    known = replace(desired.backends["d"], code_key="k")
    same = spec("d", "v1", DEPLOYMENT, user_config={"a": 1})
    assert wants_the_same(known, same, "another")
    assert not wants_the_same(known, replace(same, version="v2"), "k")
    assert not wants_the_same(known, spec("d", "v1", DEPLOYMENT), "k")
    unversioned = replace(known, spec=replace(known.spec, version=None))
    assert wants_the_same(unversioned, replace(same, version=None), "k")
    assert not wants_the_same(unversioned, replace(same, version=None), "another")


@pytest.mark.parametrize(("prev", "text"), [("v0", "does not match"), ("v1", None)])
def test_prev_version_is_compared_with_what_runs(desired, prev, text):
    if text is None:
        assert deploy(desired, "c2", "v2", prev_version=prev).backend.version == "v2"
        return
    with pytest.raises(ValueError, match=f"prev_version 'v0' {text} with the existing version 'v1'"):
        deploy(desired, "c2", "v2", prev_version=prev)
    assert desired.backends["d"].version == "v1"


def test_prev_version_needs_something_to_compare_with():
    with pytest.raises(ValueError, match="prev_version 'v0' is specified but there is no existing deployment"):
        deploy(Desired(), "c1", "v1", prev_version="v0")


def test_a_taken_route_changes_nothing(desired):
    with pytest.raises(ValueError, match="'/d' is already registered"):
        deploy(desired, "c2", name="thief", route="/d")
    assert list(desired.backends) == list(desired.endpoints) == ["d"]


def test_a_redeploy_can_move_the_route_and_keeps_the_split(desired):
    desired.restore(desired.create_backend("c2", spec("old"), "code"))
    desired.restore(desired.set_traffic("d", {"d": 0.9, "old": 0.1}))
    desired.restore(desired.shadow_traffic("d", "old", 0.5))
    moved = deploy(desired, "c3", "v2", route="/moved").endpoint.endpoint
    assert (moved.route, moved.traffic, moved.shadows) == ("/moved", {"d": 0.9, "old": 0.1}, {"old": 0.5})
    assert desired.routes.match("/moved/x", "PUT").endpoint.name == "d"
    assert desired.routes.match("/d", "GET").kind == "not_found"


@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize(("running", "first"), [(0, 0), (1, 1), (3, 1)])
def test_what_may_sleep_begins_with_one_replica_where_some_run_so_that_it_is_proved_before_they_go(
    version, running, first
):
    state = Desired()
    deploy(state, "c1", "v1", autoscaling_config={"min_replicas": 0, "max_replicas": 3})
    confirm(state)
    state.restore(replace(state.backends["d"], replicas=running))
    scaling = {"min_replicas": 0, "max_replicas": 4}
    assert deploy(state, "c2", version, autoscaling_config=scaling, user_config={"a": 2}).backend.replicas == first
