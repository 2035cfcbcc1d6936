"""How fast `serve-compat migrate` is: python -m bench.migrate [--report FILE].

Two figures: 10,000 files that do not use Ray (target: under 5 s on 2 cores), and files that do, per second.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.machine import describe
from bench.peers import ROOT

FILES, TARGET_S, HITS = 10_000, 5.0, 200
# about the length of an ordinary module; both words of the prefilter are in it, so that the slower path is taken
_FUNCTION = "def f{n}(array, observer):\n    return array[{n}] + observer\n"
PLAIN = "import sys\n\n\n" + "\n\n".join(_FUNCTION.replace("{n}", str(n)) for n in range(60))
OLD = """import ray
from ray import serve

ray.init()
client = serve.start()


def model{n}(request):
    return request.query_params["x"]


client.create_backend("backend{n}", model{n})
client.create_endpoint("endpoint{n}", backend="backend{n}", route="/route{n}", methods=["GET", "POST"])
print(ray.get(client.get_handle("endpoint{n}").remote(x=1)))
"""


def main(arguments: list[str] | None = None) -> int:
    """Measure; the exit status is 1 when the target is missed."""
    parser = argparse.ArgumentParser(prog="python -m bench.migrate", description=__doc__)
    parser.add_argument("--report", type=Path, help="write the figures to a Markdown file")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args(arguments)
    plain, hits = [], []
    with tempfile.TemporaryDirectory() as directory:
        _write(Path(directory, "plain"), FILES, PLAIN)
        _write(Path(directory, "old"), HITS, OLD)
        for _ in range(given.rounds):
            plain.append(_timed(Path(directory, "plain"), expected=0))
            hits.append(_timed(Path(directory, "old"), expected=(1, 2)))
    text = _report(sorted(plain), sorted(hits))
    print(text)
    if given.report:
        given.report.write_text(text)
    return 0 if min(plain) < TARGET_S else 1


def _write(top: Path, count: int, text: str) -> None:
    for number in range(count):
        path = top / f"package{number // 100}" / f"module{number}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("{n}", str(number)))


def _timed(directory: Path, expected: int | tuple[int, ...]) -> float:
    """Seconds of one whole run of the command, the start of the interpreter included."""
    command = [sys.executable, "-m", "serve_compat", "migrate", "--check", "--quiet", "."]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    began = time.perf_counter()
    done = subprocess.run(command, cwd=directory, env=env, capture_output=True, check=False)
    took = time.perf_counter() - began
    if done.returncode not in ((expected,) if isinstance(expected, int) else expected):
        raise SystemExit(f"the command failed: {done.stderr.decode()[-500:]}")
    return took


def _report(plain: list[float], hits: list[float]) -> str:
    middle, of_hits = plain[len(plain) // 2], hits[len(hits) // 2]
    foreign = f"{middle:.2f} s | {plain[0]:.2f} s | {plain[-1]:.2f} s | < {TARGET_S:.0f} s"
    lines = [
        "# Speed of the migration tool",
        "",
        "Made by `python -m bench.migrate --report bench/MIGRATE_SPEED.md`: whole runs of the command.",
        "",
        "| what | median | lowest | highest | target |",
        "|---|---|---|---|---|",
        f"| {FILES:,} files that do not use Ray | {foreign} |",
        f"| {HITS} old programs through all stages | {of_hits:.2f} s | {hits[0]:.2f} s | {hits[-1]:.2f} s | - |",
        "",
        f"That is {HITS / of_hits:.0f} old programs per second, in one process: the stages decide over all files "
        "together (a backend in one, its endpoint in another), so every process of a pool would analyse all of them.",
        "",
        *(f"- {name}: {value}" for name, value in describe(None)),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
