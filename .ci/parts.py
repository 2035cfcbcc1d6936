"""What must pass before a change is merged: lint, the README's test command, and, where the shared conformance suite
lies beside this repository, its areas that are implemented. Under 20 minutes on two cores. Exit status 0 when all pass.

The parts run two at a time, since tests wait more than they compute, unless all would meet at port 8000 for want of
network namespaces. What a part prints is shown when it is over.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SUITE = ROOT.parent / "shared" / "conformance" / "run"
ISOLATED = ROOT / ".ci" / "isolated"

# Grow these with the project: areas of the conformance suite, and whole programs of its area "scripts".
AREAS = ("deployment", "client", "module")
SCRIPTS = """
c01_hello c02_counter c04_canary c06_batch_adder c08_scale_reconfigure c10_predictor
m01_hello m03_handles m05_reconfigure m07_batch_decorator
doc_autoscaling doc_first_deployment doc_graph doc_http_deployment doc_omp_num_threads doc_scaling_out
user_batching_tutorial user_errors user_fastapi_counter user_http_options
"""


def parts() -> dict[str, list[str]]:
    """Commands by their names, the longest first, so that a short one fills the end."""
    found = {"tests": ["make", "test"]}
    if os.access(SUITE, os.X_OK):
        suite = [str(SUITE), "-p", str(ROOT / ".venv" / "bin" / "python")]
        found |= {f"conformance: {area}": [*suite, area] for area in AREAS}
        found["conformance: whole programs"] = [*suite, "scripts", "--", *SCRIPTS.split()]
    return {**found, "lint": ["make", "lint"]}


def run(command: list[str]) -> tuple[bool, str, float]:
    """Run a part, with a directory of its own for Ray; gives whether it passed, what it printed and its seconds."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="sc", dir="/tmp", ignore_cleanup_errors=True) as directory:
        # Ray starts a worker process per CPU before anybody asks for one; the clusters of tests need a handful of them.
        # Its workers are nice to everybody else, which here is the other part.
        ours = {"RAY_prestart_worker_first_driver": "0", "RAY_worker_niceness": "0"}
        env = {**os.environ, "RAY_TMPDIR": directory, **ours}
        done = subprocess.run(
            command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
    return done.returncode == 0, done.stdout.decode(errors="replace"), time.monotonic() - began


def main() -> int:
    subprocess.run(["make", ".venv/.test", ".venv/.dev"], cwd=ROOT, check=True)  # before two parts want to make it
    results, failed = {}, False
    at_once = 2 if subprocess.run([ISOLATED, "--can"], stdin=subprocess.DEVNULL).returncode == 0 else 1
    print(f"=== begun, {at_once} at a time:", ", ".join(parts()), flush=True)
    with ThreadPoolExecutor(at_once) as pool:
        names = {pool.submit(run, command): name for name, command in parts().items()}
        for ended in as_completed(names):
            passed, printed, took = ended.result()
            failed |= not passed
            results[names[ended]] = f"{'passed' if passed else 'FAILED'} after {took:.0f} s"
            print(f"=== {names[ended]}\n{printed}=== {names[ended]}: {results[names[ended]]}", flush=True)
    print("=== all", *(f"{name}: {results[name]}" for name in parts()), sep="\n", flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
