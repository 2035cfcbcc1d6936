"""Finding and killing processes, of this test's own descendants only, and waiting for what comes after them."""

from __future__ import annotations

import http.client
import os
import re
import select
import signal
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

OURS = r"^ray::.*(Controller|Proxy|Replica|ServeEnvironments)"


def descendants(of: int | None = None) -> set[int]:
    """All processes below one; this one by default."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except (OSError, IndexError):  # it ended meanwhile
                continue
    found, layer = set(), {of or os.getpid()}
    while layer:
        layer = {pid for pid, parent in parents.items() if parent in layer} - found
        found |= layer
    return found


def titled(pattern: str) -> set[int]:
    """Descendants whose title matches; Ray names an actor's process after its class."""
    found = set()
    for pid in descendants():
        try:
            title = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if re.search(pattern, title):
            found.add(pid)
    return found


def listener(port: int) -> int | None:
    """The proxy that listens on a port of this machine."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    sockets = {f"socket:[{row[9]}]" for row in rows if row[3] == "0A" and row[1].endswith(f":{port:04X}")}
    for pid in titled(r"^ray::.*Proxy"):
        if _holds(pid, sockets):
            return pid
    return None


def serving(pid: int) -> bool:
    """Whether a replica is about to serve: it listens at a unix socket then, and Ray's workers at none."""
    rows = [line.split() for line in Path("/proc/net/unix").read_text().splitlines()[1:]]
    sockets = {f"socket:[{row[6]}]" for row in rows if row[3] == "00010000"}
    return _holds(pid, sockets)


def _holds(pid: int, sockets: set[str]) -> bool:
    """Whether a process has one of these open; not if it has ended."""
    with suppress(OSError):
        return bool(sockets & {os.readlink(link) for link in Path(f"/proc/{pid}/fd").iterdir()})
    return False


def kill(pid: int) -> None:
    """Kill a descendant; returns when it is gone and its sockets are closed."""
    if pid not in descendants():
        raise ProcessLookupError(f"{pid} has ended already, or this process did not start it")
    gone = os.pidfd_open(pid)
    os.kill(pid, signal.SIGKILL)
    select.select([gone], [], [], 10)
    os.close(gone)


def wait_until_answering(port: int = 8000, timeout_s: float = 60.0) -> None:
    """Return when an HTTP proxy answers at a port. Nothing tells when it does, so it is tried again and again."""
    deadline = time.monotonic() + timeout_s
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
        try:
            connection.request("GET", "/-/healthz")
            if connection.getresponse().status == 200:
                return
        except (OSError, http.client.HTTPException):
            assert time.monotonic() < deadline, f"nobody answers at port {port} after {timeout_s:g} s"
            time.sleep(0.005)
        finally:
            connection.close()


def wait_until_gone(pids: Iterable[int], timeout_s: float = 30.0) -> None:
    """Return when these processes have ended."""
    deadline = time.monotonic() + timeout_s
    for pid in pids:
        with suppress(ProcessLookupError):
            gone = os.pidfd_open(pid)
            over = select.select([gone], [], [], max(0.0, deadline - time.monotonic()))[0]
            os.close(gone)
            assert over, f"process {pid} is still there"
