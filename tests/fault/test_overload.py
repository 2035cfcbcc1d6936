"""More requests than there is room for, and replicas that never answer: every wait is bounded and says so."""

import contextlib
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from legacy.errors import DeadlineError
from tests.fault.signals import tell
from tests.fault.wire import URL, answer, send, settle_proxy

pytestmark = pytest.mark.fault

QUEUE_S, ANSWER_S, QUEUE = 1.5, 3.0, 4
HTTP_OPTIONS = {"queue_timeout_s": QUEUE_S, "request_timeout_s": ANSWER_S, "max_queued_requests": QUEUE}


def test_beyond_the_queue_requests_are_refused_at_once_and_the_queued_ones_are_served(gated, signals):
    with gated("full") as ask:
        running = send("/full?id=0")
        signals.wait_for("start 0")
        queued = []
        for number in range(1, QUEUE + 1):  # one after the other, so that their order is known
            queued.append(send(f"/full?id={number}"))
            settle_proxy()
        refused = [answer(send(f"/full?id={number}")) for number in range(100, 120)]
        assert {(response.status, response.headers["retry-after"]) for response in refused} == {(503, "1")}
        ask("open")
        assert [answer(connection).read().decode() for connection in [running, *queued]] == ["0", "1", "2", "3", "4"]
        signals.wait_for("end 4")
    assert [line for line in signals.seen if line.startswith("start")] == [f"start {number}" for number in range(5)]


def test_a_request_that_finds_no_slot_in_time_is_503_and_never_starts(gated, signals):
    with gated("late") as ask:
        running = send("/late?id=0")
        signals.wait_for("start 0")
        begun = time.monotonic()
        response = requests.post(f"{URL}/late?id=1", timeout=30)
        assert (response.status_code, response.headers["retry-after"]) == (503, "1")
        assert time.monotonic() - begun >= QUEUE_S - 0.1
        assert f"for {QUEUE_S:g} s" in response.text
        ask("open")
        assert answer(running).read() == b"0"
    assert "start 1" not in signals.seen


def test_a_replica_that_never_answers_is_504_its_work_is_cancelled_and_its_slot_is_free(gated, signals):
    with gated("stuck") as ask:
        begun = time.monotonic()
        assert requests.post(f"{URL}/stuck?id=0", timeout=30).status_code == 504
        assert time.monotonic() - begun >= ANSWER_S - 0.1
        signals.wait_for("cancelled 0")
        ask("open")
        assert requests.post(f"{URL}/stuck?id=1", timeout=30).text == "1"


def test_good_answers_go_on_during_ten_times_the_load(gated, signals):
    def one(number):
        response = requests.post(f"{URL}/busy?id={number}", timeout=30)
        return response.status_code, response.text if response.ok else ""

    with gated("busy", max_concurrent_queries=2) as ask:
        ask("open")
        with ThreadPoolExecutor(20) as clients:
            answers = list(clients.map(one, range(400)))
    assert {status for status, _ in answers} <= {200, 503}
    good = [text for status, text in answers if status == 200]
    for name in good:
        signals.wait_for(f"end {name}")
    started = [line.split()[1] for line in signals.seen if line.startswith("start")]
    assert len(good) == len(set(good)) >= 20
    assert sorted(started) == sorted(good)


class OnceOnly:
    """Comes up once; its replacements wait for a file."""

    def __init__(self, pipe, marker):
        tell(pipe, "made")
        if marker.exists():
            import time

            while marker.exists():
                time.sleep(0.05)
        marker.touch()

    def __call__(self, request=None):
        return "here"

    def dies(self, request=None):
        import os

        os._exit(1)


@pytest.fixture
def without_replicas(shared, signals, tmp_path):
    marker = tmp_path / "marker"
    shared.create_backend("gone", OnceOnly, signals.path, marker)
    shared.create_endpoint("gone", backend="gone", route="/gone", methods=["POST"])
    assert requests.post(f"{URL}/gone", headers={"X-SERVE-CALL-METHOD": "dies"}, timeout=30).status_code == 500
    signals.wait_for("made", times=2)
    yield shared.get_handle("gone")
    marker.unlink()
    shared.delete_endpoint("gone")
    shared.delete_backend("gone", force=True)


def test_an_endpoint_without_replicas_answers_503_at_the_deadline(without_replicas):
    begun = time.monotonic()
    response = requests.post(f"{URL}/gone", timeout=30)
    assert response.status_code == 503
    assert "'gone'" in response.text
    assert time.monotonic() - begun >= QUEUE_S - 0.1


def test_a_handle_call_without_replicas_raises_at_the_deadline(without_replicas):
    begun = time.monotonic()
    with pytest.raises(DeadlineError, match="'gone'"):
        without_replicas.options(queue_timeout_s=0.5).remote()
    assert 0.4 <= time.monotonic() - begun < 10


def test_a_handle_call_to_an_unknown_endpoint_raises_at_the_deadline(shared):
    handle = shared.get_handle("nobody", missing_ok=True).options(queue_timeout_s=0.5)
    with pytest.raises(DeadlineError, match="'nobody'"), contextlib.closing(_Bounded(10)):
        handle.remote()


class _Bounded:
    def __init__(self, seconds):
        self._until = time.monotonic() + seconds

    def close(self):
        assert time.monotonic() < self._until
