"""The second proxy of a node serves its port when the one that listened is gone."""

import os
import signal
import time

import pytest
import requests

from tests.fault.ledger import Load
from tests.fault.processes import kill, listener, titled, wait_until_answering
from tests.fault.wire import PORT, URL

pytestmark = pytest.mark.fault

HTTP_OPTIONS = {"standby_after_s": 0}


@pytest.fixture
def both(shared):
    """Waits until one proxy listens and another one stands by."""
    until(lambda: sorted(proxies(shared).values()) == ["RUNNING", "STANDBY"])


def proxies(client):
    return client._session.status()["proxies"]


def until(condition, timeout_s=60.0):
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)  # processes of Ray's: there is no event to wait for


def test_it_takes_the_port_over_with_all_routes_and_the_dead_one_stands_by(shared, both, noting, ledger):
    before, roles = listener(PORT), proxies(shared)
    with Load(ledger, "/noting") as load:
        load.wait_for(100)
        shared.create_endpoint("late", backend="noting", route="/late")
        with ledger.fault(before, "proxy"):
            kill(before)
            wait_until_answering()
        load.wait_for(100)
    ledger.check()
    assert listener(PORT) != before
    assert "/late" in requests.get(f"{URL}/-/routes", timeout=10).json()
    until(lambda: sorted(proxies(shared).values()) == ["RUNNING", "STANDBY"])
    assert proxies(shared) != roles
    shared.delete_endpoint("late")


def test_it_takes_over_while_the_controller_is_away(shared, both, noting):
    (controller,) = titled(r"^ray::.*Controller")
    before = listener(PORT)
    kill(controller)
    kill(before)
    until(lambda: listener(PORT) not in (None, before), 5.0)
    assert requests.post(f"{URL}/noting?id=x", data="x", timeout=30).text == "x"


@pytest.mark.slow
def test_one_that_was_stopped_is_ended_and_the_other_takes_over(shared, both, noting):
    before = listener(PORT)
    os.kill(before, signal.SIGSTOP)
    until(lambda: listener(PORT) not in (None, before), 20.0)
    assert requests.post(f"{URL}/noting?id=y", data="y", timeout=30).text == "y"
