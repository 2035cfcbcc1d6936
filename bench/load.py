"""HTTP load by wrk, and what it printed."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bench.systems.handlers import POST_BODY

_UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4}
_POST_SCRIPT = """
wrk.method = "POST"
wrk.body = [==[{body}]==]
wrk.headers["Content-Type"] = "application/json"
"""


class LoadError(RuntimeError):
    """wrk is missing, failed, or got answers other than 200."""


@dataclass(frozen=True)
class Load:
    """What wrk saw: requests per second, latencies in milliseconds."""

    rate: float
    p50_ms: float
    p99_ms: float


def require_wrk() -> str:
    """The path of wrk.

    Raises:
        LoadError: it is not installed; the message says how to get it.
    """
    found = shutil.which("wrk")
    if found is None:
        raise LoadError("wrk is not installed; on Debian and Ubuntu: sudo apt-get install wrk")
    return found


def run_wrk(prefix: list[str], url: str, connections: int, seconds: float, post: bool = False) -> Load:
    """Load `url` from one wrk thread.

    Args:
        prefix: the command that enters the system's network namespace; may be empty.
        connections: kept open and always busy.
        seconds: how long; rounded up to whole seconds, as wrk wants.
        post: send POST_BODY as JSON instead of a GET.

    Raises:
        LoadError: wrk failed, or an answer was not 2xx: such a figure would mean nothing.
    """
    whole = max(1, round(seconds))
    command = [*prefix, require_wrk(), "-t1", f"-c{connections}", f"-d{whole}s", "--latency"]
    with tempfile.TemporaryDirectory() as scratch:
        if post:
            script = Path(scratch) / "post.lua"
            script.write_text(_POST_SCRIPT.format(body=POST_BODY.decode()))
            command += ["-s", str(script)]
        done = subprocess.run([*command, url], capture_output=True, text=True, timeout=whole + 60)
    if done.returncode:
        raise LoadError(f"{' '.join(command)} {url} failed: {done.stderr.strip() or done.stdout.strip()}")
    return parse(done.stdout, url)


def parse(output: str, url: str = "") -> Load:
    """Read wrk's report.

    Raises:
        LoadError: answers other than 2xx, socket errors, or no figures.
    """
    for trouble in ("Non-2xx or 3xx responses", "Socket errors"):
        found = re.search(rf"{trouble}:.*", output)
        if found:
            raise LoadError(f"{url}: {found.group(0)}")
    rate = re.search(r"Requests/sec:\s+([\d.]+)", output)
    if rate is None:
        raise LoadError(f"{url}: wrk printed no rate:\n{output}")
    return Load(float(rate.group(1)), _percentile(output, "50%"), _percentile(output, "99%"))


def _percentile(output: str, name: str) -> float:
    found = re.search(rf"^\s+{name}\s+([\d.]+)(us|ms|s|m)\s*$", output, re.MULTILINE)
    return float(found.group(1)) * _UNITS[found.group(2)] if found else float("nan")
