"""Running whole programs as a user does: `serve-compat run` in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def run_program(program: Path, timeout_s: float = 100, options: tuple[str, ...] = ()) -> str:
    """Run an unmodified program; returns what it printed.

    Args:
        options: of `serve-compat run`, such as ("--era", "1.0").

    Raises:
        AssertionError: it did not end with status 0; the text holds the end of its standard error.
        subprocess.TimeoutExpired: it did not end in time.
    """
    done = subprocess.run(
        [sys.executable, "-m", "serve_compat", "run", *options, str(program)],
        cwd=program.parent,
        # Without an address, today's ray.init() joins any cluster it finds on the machine; Ray 1.2 began a new one.
        env={**os.environ, "RAY_USAGE_STATS_ENABLED": "0", "RAY_ADDRESS": "local"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout_s,
    )
    assert done.returncode == 0, f"{program.name} ended with {done.returncode}:\n{done.stderr[-3000:]}"
    return done.stdout
