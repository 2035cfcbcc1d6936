"""A proxy or replica that has no descriptors left: whoever comes is answered, and the log stays small."""

import asyncio
import os
import resource
import selectors
import socket
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
import ray
import requests

from tests.fault.processes import titled
from tests.fault.wire import HOST, PORT, URL

pytestmark = pytest.mark.fault

HTTP_OPTIONS = {"queue_timeout_s": 3.0}
CLIENTS = 100
ANSWERED_S = 8.0  # the deadline in the queue, and what the work of those before takes
LOG_BYTES = 100_000


async def work(request):
    await asyncio.sleep(0.3)
    return "done"


@pytest.fixture
def served(shared):
    shared.create_backend("work", work, config={"max_concurrent_queries": 1000})
    shared.create_endpoint("work", backend="work", route="/work", methods=["GET", "POST"])
    assert requests.post(f"{URL}/work", timeout=30).text == "done"
    yield
    shared.delete_endpoint("work")
    shared.delete_backend("work", force=True)


@contextmanager
def few_descriptors(title, more):
    """The process of that title may open so many descriptors more than it has."""
    (pid,) = titled(title)
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (len(os.listdir(f"/proc/{pid}/fd")) + more, before[1]))
    yield
    resource.prlimit(pid, resource.RLIMIT_NOFILE, before)


def answers(count):
    """What so many clients get that come at the same time: statuses; b"" for a connection closed without one."""
    data = b"POST /work HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    got = {}
    with selectors.DefaultSelector() as ready:
        for _ in range(count):
            client = socket.create_connection((HOST, PORT), timeout=5)
            client.sendall(data)
            got[client] = b""
            ready.register(client, selectors.EVENT_READ)
        deadline = time.monotonic() + ANSWERED_S
        while ready.get_map() and time.monotonic() < deadline:
            for key, _ in ready.select(0.1):
                try:
                    more = key.fileobj.recv(65536)
                except ConnectionResetError:
                    more = b""
                got[key.fileobj] += more
                if not more:
                    ready.unregister(key.fileobj)
        waiting = len(ready.get_map())
    for client in got:
        client.close()
    assert waiting == 0, f"{waiting} of {count} wait after {ANSWERED_S:g} s"
    return [answer[9:12] for answer in got.values()]


def log_bytes():
    return sum(path.stat().st_size for path in Path(ray._private.worker._global_node.get_logs_dir_path()).iterdir())


@pytest.mark.parametrize("title", [r"^ray::.*Proxy", r"^ray::.*Replica"])
def test_every_client_is_answered_in_time_and_the_log_stays_small(shared, served, title):
    before = log_bytes()
    with few_descriptors(title, 20):
        got = answers(CLIENTS)
    assert set(got) <= {b"200", b"503"}, got
    assert b"200" in got
    assert log_bytes() - before < LOG_BYTES
    assert answers(CLIENTS) == [b"200"] * CLIENTS
