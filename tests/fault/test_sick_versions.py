"""New code counts as good after its first health check, and what is not good harms nobody."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

import serve_compat as serve
from tests.fault.ledger import Load, NotingBackend
from tests.fault.wire import URL

pytestmark = pytest.mark.fault

CHECKS = {"health_check_period_s": 0.5, "health_check_timeout_s": 1.0}


@pytest.fixture(autouse=True)
def _nothing_stays(shared):
    yield
    for name in shared.list_endpoints():
        shared.delete_endpoint(name)
    for deployment in serve.list_deployments().values():
        deployment.delete()


class Checked(NotingBackend):
    """Its health check fails, in one of two ways, when it is told so or while a file is there."""

    def __init__(self, path, how="", while_there=None):
        super().__init__(path, 0.05)
        self._how, self._while_there = how, while_there

    async def check_health(self):
        if self._how == "hangs":
            await asyncio.get_running_loop().create_future()
        if self._how == "raises" or (self._while_there and self._while_there.exists()):
            raise RuntimeError("the weights are gone")


def pids(path):
    return {requests.get(f"{URL}/{path}", headers={"X-SERVE-CALL-METHOD": "pid"}, timeout=30).text for _ in range(40)}


def deploy(version, ledger, how, replicas):
    made = serve.deployment(name="u", version=version, num_replicas=replicas, route_prefix="/u", **CHECKS)
    made(Checked).deploy(str(ledger.path), how)


def outcome_of(function, *args, within_s):
    """The error of a call that must fail in time."""
    pool = ThreadPoolExecutor(1)
    future = pool.submit(function, *args)
    pool.shutdown(wait=False)
    error = future.exception(timeout=within_s)
    assert error is not None, "it succeeded"
    return str(error)


@pytest.mark.parametrize("replicas", [1, 5])
@pytest.mark.parametrize("how", ["raises", "hangs"])
def test_a_version_whose_health_check_fails_changes_nothing_for_clients(shared, ledger, how, replicas):
    deploy("1", ledger, "", replicas)
    before = {tag for tag, one in status("u")["replicas"].items() if one["state"] == "RUNNING"}
    with Load(ledger, "/u", clients=4) as load:
        load.wait_for(20)
        error = outcome_of(deploy, "2", ledger, how, replicas, within_s=40)
        load.wait_for(50)
    assert "the weights are gone" in error or how == "hangs"
    assert "health" in error
    ledger.check()
    assert ledger.failed() == []
    still = {tag for tag, one in status("u")["replicas"].items() if one["state"] == "RUNNING"}
    assert len(before & still) >= max(1, replicas - 1)


def status(tag):
    return serve.connect()._session.status()["backends"][tag]


def test_the_error_of_a_sick_version_is_in_the_status_within_10_s(shared, ledger):
    deploy("1", ledger, "", 2)
    begun = time.monotonic()
    made = serve.deployment(name="u", version="2", num_replicas=2, route_prefix="/u")  # the usual periods
    made(Checked).deploy(str(ledger.path), "raises", _blocking=False)
    while "the weights are gone" not in (status("u")["last_error"] or ""):
        assert time.monotonic() < begun + 10, status("u")
        time.sleep(0.1)  # another process's state: there is no event to wait for


def test_a_backend_that_is_sick_from_its_start_is_not_registered(shared, ledger):
    config = {"num_replicas": 2, **CHECKS}
    error = outcome_of(
        lambda: shared.create_backend("sick", Checked, str(ledger.path), "raises", config=config), within_s=30
    )
    assert "the weights are gone" in error
    assert shared.list_backends() == {}


def test_a_replica_that_falls_sick_finishes_its_requests_before_it_goes(shared, ledger, tmp_path):
    sick = tmp_path / "sick"
    shared.create_backend("s", Checked, str(ledger.path), "", sick, config={"num_replicas": 3, **CHECKS})
    shared.create_endpoint("s", backend="s", route="/s", methods=["GET", "POST"])
    before = pids("s")
    with Load(ledger, "/s", clients=6) as load:
        load.wait_for(20)
        sick.touch()
        deadline = time.monotonic() + 30
        while pids("s") & before == before:
            assert time.monotonic() < deadline
        sick.unlink()
        load.wait_for(100)
    ledger.check()
    assert ledger.failed() == []
