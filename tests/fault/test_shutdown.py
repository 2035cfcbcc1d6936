"""However an instance ends, nothing of it stays: no actors, processes, ports, sockets, directories or records."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

import pytest
import ray

from legacy import cluster as ray_cluster
from tests.fault.processes import titled
from tests.programs import ROOT

pytestmark = pytest.mark.fault

GONE_S = 10.0
PORT = 8765

DRIVER = f"""
import sys, ray
import serve_compat as serve
address, namespace, detached = sys.argv[1:]
mine = {{"num_cpus": 4, "include_dashboard": False}}
ray.init(log_to_driver=False, **({{"address": address, "namespace": namespace}} if address else mine))
client = serve.start(detached=bool(detached), http_options={{"port": {PORT}}})
client.create_backend("b", lambda request: "b", config={{"num_replicas": 2}})
client.create_endpoint("e", backend="b", route="/e")
assert ray.get(client.get_handle("e").remote()) == "b"
print("up", flush=True)
if sys.stdin.readline() == "shut down\\n":
    client.shutdown()
    print("down", flush=True)
    sys.stdin.readline()
"""


class Driver:
    """A program of its own that runs an instance with two replicas, a proxy and a handle."""

    def __init__(self, address: str, run_dir: str, detached: bool = False) -> None:
        self.namespace = f"ns-{uuid.uuid4().hex}"
        self.run_dir = Path(run_dir)
        self.before = serve_processes()
        self.process = subprocess.Popen(
            [sys.executable, "-c", DRIVER, address, self.namespace, "detached" if detached else ""],
            cwd=ROOT,
            env={**os.environ, "SERVE_COMPAT_RUN_DIR": run_dir, "RAY_ADDRESS": address or "local"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout.readline() == "up\n"
        assert len(serve_processes() - self.before) == 4
        assert list(self.run_dir.iterdir())

    def say(self, line: str) -> None:
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def remains(self) -> dict[str, object]:
        """What is still there of its instance."""
        found: dict[str, object] = {
            "processes": serve_processes() - self.before,
            "files": [str(path) for path in self.run_dir.rglob("*")],
            "port": port_is_open(),
        }
        if ray.is_initialized():
            named = ray.util.list_named_actors(all_namespaces=True)
            found["actors"] = [actor for actor in named if actor["namespace"] == self.namespace]
            found["records"] = ray_cluster.kv_keys(f"{self.namespace}/")
        return {name: value for name, value in found.items() if value}


def serve_processes():
    return titled(r"^ray::.*(Controller|Proxy|Replica)")


def port_is_open():
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", PORT)) == 0


def all_gone(driver, but=frozenset()):
    deadline = time.monotonic() + GONE_S
    while (found := driver.remains()).keys() - but and time.monotonic() < deadline:
        time.sleep(0.05)  # nothing tells when the last file is gone
    return found


@pytest.fixture
def run_dir():
    made = tempfile.mkdtemp(dir="/tmp")  # a socket's path must be short
    yield made
    shutil.rmtree(made)


@pytest.fixture
def drive(run_dir):
    """Starts a driver at an address; closes it in the end."""
    made = []

    def start(address, detached=False):
        made.append(Driver(address, run_dir, detached))
        return made[-1]

    yield start
    for driver in made:
        driver.process.kill()
        driver.process.communicate()


@pytest.fixture
def address(ray_session):
    return ray_session.address


@pytest.mark.parametrize("detached", [False, True])
def test_shutdown_leaves_nothing(address, drive, detached):
    driver = drive(address, detached)
    driver.say("shut down")
    assert driver.process.stdout.readline() == "down\n"
    assert all_gone(driver) == {}
    driver.say("end")
    assert driver.process.wait(30) == 0


def test_the_normal_end_of_the_driver_leaves_nothing(address, drive):
    driver = drive(address)
    driver.say("end")
    assert driver.process.wait(30) == 0
    assert all_gone(driver) == {}


def test_a_killed_driver_leaves_nothing(address, drive):
    driver = drive(address)
    driver.process.send_signal(signal.SIGKILL)
    driver.process.wait(10)
    assert all_gone(driver) == {}


def test_a_killed_driver_that_brought_its_own_cluster_leaves_nothing(drive):
    driver = drive("")
    driver.process.send_signal(signal.SIGKILL)
    driver.process.wait(10)
    assert all_gone(driver, but={"files"}).keys() <= {"files"}  # nobody of the cluster is left to remove them
    following = drive("")
    following.say("shut down")
    assert following.process.stdout.readline() == "down\n"
    assert all_gone(driver) == {}
    following.say("end")
    assert following.process.wait(30) == 0


def test_a_detached_instance_outlives_its_driver(address, drive):
    driver = drive(address, detached=True)
    driver.process.send_signal(signal.SIGKILL)
    driver.process.wait(10)
    controller = ray.get_actor("SERVE_CONTROLLER_ACTOR", namespace=driver.namespace)
    assert set(ray.get(controller.list_backends.remote(), timeout=30)) == {"b"}
    ray.get(controller.shutdown.remote(), timeout=30)
    ray.kill(controller)
    assert all_gone(driver) == {}
