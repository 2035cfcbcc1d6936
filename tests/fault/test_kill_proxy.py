import time

import pytest
import ray

from tests.fault.ledger import Load
from tests.fault.processes import kill, listener, wait_until_answering

pytestmark = pytest.mark.fault

PORT_BACK_S = 10.0  # two cores that others use as well; the promise is a figure of bench.endurance


def test_a_killed_proxy_loses_only_what_was_under_way_and_comes_back_with_all_routes(noting, ledger):
    with Load(ledger, "/noting") as load:
        load.wait_for(200)
        pid = listener(8000)
        with ledger.fault(pid, "proxy") as fault:
            kill(pid)
            gone = time.monotonic()
            wait_until_answering()
        load.wait_for(200)
    ledger.check()
    assert fault.over - gone < PORT_BACK_S
    assert not [entry for entry in ledger.failed() if entry.status is not None]
    cut = [entry for entry in ledger.failed() if entry.sent < fault.begun]
    assert len(cut) <= 8  # one per client


def test_handles_do_not_notice_a_killed_proxy(noting, ledger):
    ask = noting.options(method_name="pid")
    pid = listener(8000)
    kill(pid)
    assert all(ray.get([ask.remote() for _ in range(20)]))
