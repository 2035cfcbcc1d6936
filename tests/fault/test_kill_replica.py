import pytest
import requests

from tests.fault.ledger import Load
from tests.fault.processes import kill

pytestmark = pytest.mark.fault


def pids():
    """The replicas' processes, asked by a safe request, which a replica that dies passes on to another."""
    ask = {"X-SERVE-CALL-METHOD": "pid"}
    return {requests.get("http://127.0.0.1:8000/noting", headers=ask, timeout=30).json() for _ in range(20)}


def test_only_requests_under_way_in_a_killed_replica_fail_and_none_runs_twice(noting, ledger):
    before = pids()
    with Load(ledger, "/noting") as load:
        for pid in list(before)[:2]:
            load.wait_for(200)
            with ledger.fault(pid):
                kill(pid)
        load.wait_for(400)
    ledger.check()
    assert len(ledger.failed()) <= 2 * 8
    assert all(entry.status == 500 for entry in ledger.failed())


def test_a_killed_replica_is_replaced_by_a_new_process(shared, noting, ledger):
    before = pids()
    kill(min(before))
    with Load(ledger, "/noting") as load:
        while len(pids()) < 4:
            load.wait_for(20)
    assert min(before) not in pids()


def test_safe_requests_under_way_in_a_killed_replica_are_answered_by_another(noting, ledger):
    with Load(ledger, "/noting", method="GET") as load:
        load.wait_for(200)
        victim = min(pids())
        with ledger.fault(victim):
            kill(victim)
        load.wait_for(200)
    assert ledger.failed() == []
    assert all(count <= 3 for count in ledger.started().values())
