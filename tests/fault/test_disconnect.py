"""A client that leaves takes its work with it, wherever the request is, and nobody else's."""

import pytest
import requests

from tests.fault.wire import URL, answer, send, settle_proxy

pytestmark = pytest.mark.fault


def test_a_queued_request_whose_client_leaves_never_starts(gated, signals):
    with gated("queued") as ask:
        first = send("/queued?id=1")
        signals.wait_for("start 1")
        second, third = send("/queued?id=2"), send("/queued?id=3")
        settle_proxy()
        second.close()
        settle_proxy()
        ask("open")
        assert answer(first).read() == b"1"
        assert answer(third).read() == b"3"
    assert "start 2" not in signals.seen


def test_a_running_request_whose_client_leaves_is_cancelled_and_its_place_is_free(gated, signals):
    with gated("running") as ask:
        first, second = send("/running?id=1"), send("/running?id=2")
        signals.wait_for("start 1")
        first.close()
        signals.wait_for("cancelled 1")
        signals.wait_for("start 2")
        ask("open")
        assert answer(second).read() == b"2"


def test_a_stream_whose_client_leaves_is_cancelled_and_its_place_is_free(gated, signals):
    with gated("streaming") as ask:
        first = send("/streaming?id=1", headers="X-SERVE-CALL-METHOD: stream\r\n")
        assert answer(first).read1() == b"first"
        first.close()
        signals.wait_for("cancelled 1")
        ask("open")
        assert requests.post(f"{URL}/streaming?id=2", timeout=10).text == "2"


def test_hundreds_of_clients_that_leave_at_any_moment_leak_no_place(gated, signals):
    with gated("leaving") as ask:
        for number in range(100):
            connection = send(f"/leaving?id={number}")
            if number % 10 == 0:
                signals.wait_for(f"start {number}")
            connection.close()
        ask("open")
        assert requests.post(f"{URL}/leaving?id=last", timeout=10).text == "last"
    started = [line for line in signals.seen if line.startswith("start")]
    assert len(started) == len(set(started))
