import time

import pytest

import serve_compat as serve
from tests.fault.ledger import HandleLoad, Load, NotingBackend

pytestmark = pytest.mark.fault


def test_scaling_down_and_up_loses_nothing(shared, noting, ledger):
    with Load(ledger, "/noting") as load:
        for replicas in (1, 4, 2):
            shared.update_backend_config("noting", {"num_replicas": replicas})
            load.wait_for(100)
    ledger.check()
    assert ledger.failed() == []


def test_a_new_version_loses_no_handle_call_and_runs_none_twice(shared, ledger):
    made = serve.deployment(name="versions", num_replicas=3, max_concurrent_queries=2)(NotingBackend)
    made.options(version="1").deploy(str(ledger.path), 0.1)
    first = len(ledger.births())
    with HandleLoad(ledger, made.get_handle()) as load:  # more callers than places: some wait for one all the time
        load.wait_for(50)
        made.options(version="2").deploy(str(ledger.path), 0.1)
        load.wait_for(50)
    made.delete()
    ledger.check()
    assert ledger.failed() == []
    assert len(ledger.births()) == first + 3 == 6


def test_switching_traffic_loses_nothing_and_is_in_force_when_the_call_returns(shared, noting, ledger):
    shared.create_backend("other", NotingBackend, str(ledger.path))
    switches = [(0.0, 0.0, "noting")]  # when it was asked for, when that had returned, who answers from then on
    with Load(ledger, "/noting") as load:
        for number in range(26):
            backend = "noting" if number % 2 else "other"
            asked = time.monotonic()
            shared.set_traffic("noting", {backend: 1.0})
            switches.append((asked, time.monotonic(), backend))
            load.wait_for(12)  # more than there are clients: some were sent after the switch
    ledger.check()
    assert ledger.failed() == []
    ends = [returned for _, returned, _ in switches[1:]] + [float("inf")]
    lives = [(asked, end, backend) for (asked, _, backend), end in zip(switches, ends, strict=True)]
    ran_on, certain = ledger.ran_on(), 0
    for entry in ledger.entries:
        allowed = {backend for asked, end, backend in lives if asked <= entry.ended and entry.sent <= end}
        assert ran_on[entry.id] in allowed, entry
        certain += len(allowed) == 1
    assert certain >= 26
    shared.delete_backend("other")


def test_deleting_a_backend_after_its_traffic_moved_away_loses_nothing(shared, noting, ledger):
    shared.create_backend("other", NotingBackend, str(ledger.path))
    with Load(ledger, "/noting") as load:
        load.wait_for(100)
        shared.set_traffic("noting", {"other": 1.0})
        shared.delete_backend("noting")
        load.wait_for(100)
    ledger.check()
    assert ledger.failed() == []
    shared.delete_endpoint("noting")
    shared.delete_backend("other")
