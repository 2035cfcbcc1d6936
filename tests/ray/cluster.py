"""A cluster in processes of its own: the one that most tests share, and programs join by address or by Ray's client."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.fault.processes import OURS, titled, wait_until_gone

ROOT = Path(__file__).resolve().parents[2]
READY_S = 60.0
# For ray.cluster_utils.Cluster: a node whose process was killed counts as lost after 1.5 s instead of 15.
LOSS_IS_SEEN_SOON = {"health_check_period_ms": 300}


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def environment(**more: str) -> dict[str, str]:
    """Of a program under test: this project can be imported, no cluster of this machine is found by chance."""
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    plain = {"PYTHONPATH": path, "RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "disabled", "RAY_ADDRESS": ""}
    return {**os.environ, **plain, **more}


def runner(*arguments: str) -> list[str]:
    """The command line of `serve-compat run`."""
    return [sys.executable, "-m", "serve_compat", "run", *arguments]


def processes_with(variable: str) -> list[int]:
    """The processes whose environment has "NAME=value": those that a test started, directly or not."""
    found = []
    for directory in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if variable.encode() in (directory / "environ").read_bytes().split(b"\0"):
                found.append(int(directory.name))
    return sorted(set(found) - {os.getpid()})


class Cluster:
    """One node started by `ray start`.

    Attributes:
        address: host and port, for ray.init(address=...).
        client: host and port of Ray's client, without ray://.
    """

    def __init__(self, gcs_port: int, client_port: int, directory: str) -> None:
        self.address = f"127.0.0.1:{gcs_port}"
        self.client = f"127.0.0.1:{client_port}"
        self.directory = directory

    def run(self, program: Path, *arguments: str, **more: str) -> str:
        """What an unmodified program prints that finds this cluster in RAY_ADDRESS or is told the address."""
        done = subprocess.run(
            runner(str(program), *arguments),
            cwd=program.parent,
            env=environment(RAY_TMPDIR=self.directory, **more),
            capture_output=True,
            text=True,
            timeout=100,
        )
        assert done.returncode == 0, f"{program.name} ended with {done.returncode}:\n{done.stderr[-3000:]}"
        return done.stdout

    def check_nothing_is_left(self) -> None:
        """Assert that the last instance is over: the processes of its actors end."""
        wait_until_gone(titled(OURS))


@contextmanager
def running_cluster(**more: str) -> Iterator[Cluster]:
    """A cluster of 16 CPUs, with these variables in its environment; it ends with everything in it."""
    directory = tempfile.mkdtemp(prefix="sc", dir="/tmp")  # short: Ray puts sockets below
    made = Cluster(free_port(), free_port(), directory)
    command = [str(Path(sys.executable).with_name("ray")), "start", "--head", "--block", "--num-cpus=16"]
    command += ["--include-dashboard=false", "--disable-usage-stats", f"--port={made.address.split(':')[1]}"]
    command += [f"--ray-client-server-port={made.client.split(':')[1]}"]
    # the server of Ray's client forks; gRPC's fork handlers make that fail now and then
    env = environment(RAY_TMPDIR=directory, GRPC_ENABLE_FORK_SUPPORT="0", **more)
    head = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        for port in (made.address, made.client):
            _wait_for(int(port.split(":")[1]), head)
        yield made
    finally:
        for pid in processes_with(f"RAY_TMPDIR={directory}"):  # `ray stop` would end all clusters of this machine
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        head.communicate(timeout=60)
        shutil.rmtree(directory, ignore_errors=True)


def _wait_for(port: int, head: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline:
        assert head.poll() is None, head.communicate()[0]
        with socket.socket() as sock:
            if sock.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)  # another process's port: there is no event to wait for
    raise TimeoutError(f"nothing listens on port {port} after {READY_S:g} s")
