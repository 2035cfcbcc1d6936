"""Replicas that hang, that do not finish in time, and that die again and again."""

import os
import signal
import time
from pathlib import Path

import pytest
import requests

from tests.fault.ledger import Load, NotingBackend
from tests.fault.signals import tell
from tests.fault.wire import URL, answer, send

pytestmark = pytest.mark.fault


def test_a_drain_ends_at_its_deadline_and_only_the_late_request_is_told(shared, gated, signals, ledger):
    with gated("late", experimental_graceful_shutdown_timeout_s=1.0):
        shared.create_backend("other", NotingBackend, str(ledger.path), 0.0)
        late = send("/late?id=1")
        signals.wait_for("start 1")
        shared.set_traffic("late", {"other": 1.0})
        with Load(ledger, "/late", clients=2) as load:
            load.wait_for(20)
            begun = time.monotonic()
            shared.delete_backend("late")
            assert 0.9 <= time.monotonic() - begun < 6
            load.wait_for(20)
        response = answer(late)
        assert response.status == 503
        assert b"time to finish" in response.read()
        signals.wait_for("cancelled 1")
        ledger.check()
        assert ledger.failed() == []


@pytest.fixture
def noting(shared, ledger):
    checks = {"health_check_period_s": 0.3, "health_check_timeout_s": 0.5}
    shared.create_backend("hung", NotingBackend, str(ledger.path), 0.0, config={"num_replicas": 3, **checks})
    shared.create_endpoint("hung", backend="hung", route="/hung", methods=["GET", "POST"])
    yield
    shared.delete_endpoint("hung")
    shared.delete_backend("hung", force=True)


def pids():
    headers = {"X-SERVE-CALL-METHOD": "pid"}
    return {requests.get(f"{URL}/hung", headers=headers, timeout=30).json() for _ in range(12)}


def test_a_stopped_replica_is_found_replaced_and_its_process_ended(shared, noting, ledger):
    victim = min(pids())
    gone = os.pidfd_open(victim)
    with Load(ledger, "/hung") as load:
        load.wait_for(100)
        with ledger.fault(victim):
            os.kill(victim, signal.SIGSTOP)
            wait_until_gone(gone)
        load.wait_for(100)
    ledger.check()
    assert len(ledger.failed()) <= 8  # those that were in it: one per client
    assert victim not in pids()


def wait_until_gone(pidfd):
    import select

    assert select.select([pidfd], [], [], 30)[0], "the stopped process is still there"
    os.close(pidfd)


class ComesUpOnce:
    """Its first process comes up; the constructors of all later ones fail while a file exists."""

    def __init__(self, pipe, bad: Path, how):
        tell(pipe, "constructor")
        if bad.exists():
            if how == "raises":
                raise RuntimeError("the weights are gone")
            os._exit(1)
        bad.touch()

    def __call__(self, request):
        return "here"

    def dies(self, request):
        os._exit(1)


@pytest.mark.parametrize("how", ["raises", "exits"])
def test_a_crash_loop_backs_off_says_why_harms_nobody_and_ends_when_its_cause_does(
    shared, signals, tmp_path, ledger, how
):
    bad = tmp_path / "bad"
    shared.create_backend("fine", NotingBackend, str(ledger.path), 0.0)
    shared.create_endpoint("fine", backend="fine", route="/fine", methods=["POST"])
    shared.create_backend("loop", ComesUpOnce, signals.path, bad, how)
    shared.create_endpoint("loop", backend="loop", route="/loop", methods=["POST"])
    with Load(ledger, "/fine", clients=2) as load:
        assert requests.post(f"{URL}/loop", headers={"X-SERVE-CALL-METHOD": "dies"}, timeout=30).status_code == 500
        begun = time.monotonic()
        signals.wait_for("constructor", times=3)  # 1 + the tries at about 0 and 1 s
        assert time.monotonic() - begun >= 0.9
        report = shared._session.status()["backends"]
        bad.unlink()
        assert requests.post(f"{URL}/loop", timeout=30).text == "here"
        load.wait_for(20)
    assert report["loop"]["status"] == "UNHEALTHY"
    assert ("the weights are gone" if how == "raises" else "died") in report["loop"]["last_error"]
    assert report["fine"]["status"] == "HEALTHY"
    ledger.check()
    assert ledger.failed() == []
    for name in ("loop", "fine"):
        shared.delete_endpoint(name)
        shared.delete_backend(name, force=True)
