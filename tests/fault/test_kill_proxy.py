import pytest

from tests.fault.ledger import Load
from tests.fault.processes import kill, titled

pytestmark = pytest.mark.fault

PORT_BACK_S = 15.0  # two cores under load; the promise of 3 s is measured, not asserted, since it times a machine


def test_a_killed_proxy_loses_only_what_was_under_way_and_comes_back_with_all_routes(noting, ledger):
    with Load(ledger, "/noting") as load:
        load.wait_for(200)
        (pid,) = titled(r"^ray::.*Proxy")
        with ledger.fault():
            kill(pid)
        load.wait_for(200)
    ledger.check(recovery_s=PORT_BACK_S)
    assert not [entry for entry in ledger.failed() if entry.status is not None]


def test_handles_do_not_notice_a_killed_proxy(noting, ledger):
    import ray

    ask = noting.options(method_name="pid")
    (pid,) = titled(r"^ray::.*Proxy")
    kill(pid)
    assert all(ray.get([ask.remote() for _ in range(20)]))
