import pytest
import ray

from tests.fault.ledger import Load
from tests.fault.processes import kill

pytestmark = pytest.mark.fault


def pids(handle):
    ask = handle.options(method_name="pid")
    return set(ray.get([ask.remote() for _ in range(20)]))


def test_only_requests_under_way_in_a_killed_replica_fail_and_none_runs_twice(noting, ledger):
    before = pids(noting)
    with Load(ledger, "/noting") as load:
        for pid in list(before)[:2]:
            load.wait_for(200)
            ledger.fault()
            kill(pid)
        load.wait_for(400)
    ledger.check()
    assert len(ledger.failed()) <= 2 * 8
    assert all(entry.status == 500 for entry in ledger.failed())


def test_a_killed_replica_is_replaced_by_a_new_process(client, noting, ledger):
    before = pids(noting)
    kill(min(before))
    with Load(ledger, "/noting") as load:
        while len(pids(noting)) < 4:
            load.wait_for(20)
    assert min(before) not in pids(noting)


def test_safe_requests_under_way_in_a_killed_replica_are_answered_by_another(noting, ledger):
    with Load(ledger, "/noting", method="GET") as load:
        load.wait_for(200)
        ledger.fault()
        kill(min(pids(noting)))
        load.wait_for(200)
    assert ledger.failed() == []
    assert all(count <= 3 for count in ledger.started().values())
