import os
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest
import ray

import serve_compat as serve
from tests.fault.ledger import Load
from tests.fault.processes import kill, titled

pytestmark = pytest.mark.fault


def test_killing_the_controller_touches_no_request(shared, noting, ledger):
    before = shared.list_backends(), shared.list_endpoints()
    with Load(ledger, "/noting") as load:
        for _ in range(3):
            load.wait_for(100)
            (pid,) = titled(r"^ray::.*Controller")
            kill(pid)
            assert (shared.list_backends(), shared.list_endpoints()) == before
        load.wait_for(100)
    ledger.check()
    assert ledger.failed() == []


def test_replicas_survive_a_killed_controller(shared, noting, ledger):
    replicas = titled(r"^ray::.*Replica")
    assert len(replicas) == 4
    (pid,) = titled(r"^ray::.*Controller")
    kill(pid)
    assert set(shared.list_backends()) == {"noting"}
    assert titled(r"^ray::.*Replica") == replicas


def test_an_acknowledged_command_survives_a_kill_right_after_it(shared, noting):
    for number in range(5):
        shared.create_endpoint(f"e{number}", backend="noting", route=f"/e{number}")
        (pid,) = titled(r"^ray::.*Controller")
        kill(pid)
    assert {f"e{number}" for number in range(5)} <= set(shared.list_endpoints())


class Large:
    def __init__(self, weights):
        weights[0] = 2  # it is the replica's own
        self.sum = int(weights.sum())

    def __call__(self, request):
        return os.getpid(), self.sum


@ray.remote(num_cpus=0, max_calls=1)  # its process ends with it, and whatever that had put into Ray's object store
def program():
    client = serve.connect()
    client.create_backend("large", Large, np.ones(4_000_000, np.uint8))
    client.create_endpoint("large", backend="large", route="/large")


def kept_files():
    return list(Path(tempfile.gettempdir()).glob("serve-*/code-*/*"))


def test_a_model_that_was_sent_along_outlives_the_program_and_the_controller(shared):
    ray.get(program.remote())
    handle = shared.get_handle("large")
    first, total = ray.get(handle.remote())
    (pid,) = titled(r"^ray::.*Controller")
    kill(pid)
    kill(first)
    deadline = time.monotonic() + 60
    while (now := answer(handle)) is None or now[0] == first:
        assert time.monotonic() < deadline  # no call waits for the replica that comes
    assert (now[1], total) == (4_000_001, 4_000_001)
    assert serve.get_deployment("large").init_args[0].nbytes == 4_000_000
    assert len(kept_files()) == 1
    shared.delete_endpoint("large")
    shared.delete_backend("large")
    assert kept_files() == []


def answer(handle):
    try:
        return ray.get(handle.remote(), timeout=30)
    except ray.exceptions.RayActorError:
        return None
