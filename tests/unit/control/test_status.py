"""legacy.control.status: one word for a backend, whoever asks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from legacy.control.fleet import Fleet, Live
from legacy.control.plan import Seen, State
from legacy.control.registered import BackendRecord, new_record
from legacy.control.status import status_of
from legacy.records import StartFailure
from tests.fakes_control import spec

FAILURE = StartFailure("a#x", "RuntimeError: weights file is missing", "Traceback ...")


def wanted(replicas: int = 1, version: str = "v", stamp: str = "s") -> BackendRecord:
    return replace(new_record("c1", spec("a"), "code"), replicas=replicas, version=version, stamp=stamp)


def fleet(*states: State, version: str = "v", stamp: str = "s") -> Fleet:
    record = wanted()
    seen = [Seen(f"a#{order}", version, stamp, state, order) for order, state in enumerate(states)]
    return Fleet("a", record.config, replicas={one.tag: Live(one, "a") for one in seen})


def test_enough_replicas_as_wanted_are_healthy():
    assert status_of(wanted(2), fleet(State.RUNNING, State.RUNNING)) == ("HEALTHY", "")
    assert status_of(wanted(0), None).word == "HEALTHY"


def test_surplus_and_leaving_replicas_do_not_matter():
    assert status_of(wanted(1), fleet(State.RUNNING, State.RUNNING, State.DRAINING)).word == "HEALTHY"


@pytest.mark.parametrize("states", [(), (State.STARTING,), (State.RUNNING,), (State.RUNNING, State.DRAINING)])
def test_too_few_replicas_are_updating(states):
    up = states.count(State.RUNNING)
    assert status_of(wanted(2), fleet(*states)) == ("UPDATING", f"{up} of 2 replicas run")


def test_a_first_health_check_that_takes_its_time_is_named():
    slow = fleet(State.STARTING)
    slow.replicas["a#0"].first_check = True
    why = "0 of 1 replicas run, 1 have not ended their first health check"
    assert status_of(wanted(), slow) == ("UPDATING", why)


def test_a_single_replica_of_the_version_before_is_updating():
    assert status_of(wanted(version="new"), fleet(State.RUNNING)).word == "UPDATING"
    assert status_of(wanted(stamp="new"), fleet(State.UPDATING)) == ("UPDATING", "0 of 1 replicas run")


def test_a_replica_that_serves_while_it_hears_of_a_config_counts():
    assert [live.seen.tag for live in fleet(State.RUNNING, State.UPDATING, State.STARTING).serving] == ["a#0", "a#1"]


def test_failures_since_the_last_success_are_unhealthy_whatever_runs():
    failing = fleet(State.RUNNING)
    failing.failures.append(FAILURE)
    assert status_of(wanted(), failing) == ("UNHEALTHY", FAILURE.error)


def test_a_change_that_was_taken_back_is_unhealthy():
    undone = fleet(State.RUNNING)
    undone.taken_back = FAILURE
    assert status_of(wanted(), undone) == ("UNHEALTHY", f"the last change was undone: {FAILURE.error}")


def test_what_is_not_wanted_any_more_is_deleting():
    assert status_of(None, fleet(State.DRAINING)).word == "DELETING"
