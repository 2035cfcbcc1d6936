"""How long a replica takes to start in a conda environment that its node has, beside one without.

The command: python -m bench.environment_start.

Ray keeps idle processes for actors without a runtime_env and starts a process for every other one. So there are two
measures of "without": an actor for which Ray had a process, and one with an environment variable, which needs its own.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import ray

import serve_compat as serve
from legacy.environments.job import Job
from legacy.environments.pack import pack_to
from tests.conda_channel import channel, environment

TARGET = 1.2
SMALL = {"num_cpus": 0.1}


def main(arguments: list[str] | None = None) -> int:
    """Run it and print the figures; returns 0 when the target is met."""
    parser = argparse.ArgumentParser(prog="python -m bench.environment_start", description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as work:
        os.environ["SERVE_COMPAT_ENVIRONMENTS_DIR"] = str(Path(work, "cache"))
        prefix = environment(Path(work), channel(Path(work, "channel")), "demo", "demo-dep ==1.0")
        pack_to(str(prefix), Path(work, "demo.tar.zst"), Job("demo", 600))
        taken = measure(
            {
                "Ray had a process": SMALL,
                "a process of its own": {**SMALL, "runtime_env": {"env_vars": {"A": "1"}}},
                "environment in place": {**SMALL, "runtime_env": {"conda": str(prefix)}},
                "environment unpacked": {**SMALL, "runtime_env": {"conda": str(Path(work, "demo.tar.zst"))}},
            },
            given.rounds,
        )
    medians = {name: statistics.median(seconds) for name, seconds in taken.items()}
    for name, median in medians.items():
        ratio = statistics.median(a / b for a, b in zip(taken[name], taken["a process of its own"], strict=True))
        warm = statistics.median(a / b for a, b in zip(taken[name], taken["Ray had a process"], strict=True))
        print(f"{name}: {median:.2f} s, {ratio:.2f}x a process of its own, {warm:.2f}x one that Ray had")
    reached = medians["environment unpacked"] / medians["a process of its own"]
    print(f"start in an unpacked environment: {reached:.2f}x of one without (wanted: <= {TARGET}x)")
    return 0 if reached <= TARGET else 1


def measure(kinds: dict[str, dict[str, Any]], rounds: int) -> dict[str, list[float]]:
    """Seconds of create_backend of each kind, in turns; the first turn prepares and is not counted."""
    ray.init(address="local", num_cpus=16, include_dashboard=False, log_to_driver=False)
    client = serve.start()
    taken: dict[str, list[float]] = {name: [] for name in kinds}
    for turn in range(rounds + 1):
        for name, options in kinds.items():
            began = time.perf_counter()
            client.create_backend("b", _answer, ray_actor_options=options)
            if turn:
                taken[name].append(time.perf_counter() - began)
            client.delete_backend("b")
    client.shutdown()
    ray.shutdown()
    return taken


def _answer(_: Any) -> str:
    return "ok"


if __name__ == "__main__":
    sys.exit(main())
