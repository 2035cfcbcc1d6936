"""The command: python -m bench.endurance. Prints a table, and writes it when --report names a file."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ray

import serve_compat as serve
from bench.endurance.bodies import bodies
from bench.endurance.figures import Figure
from bench.endurance.overload import HTTP_OPTIONS, overload
from bench.endurance.port import port
from bench.endurance.slow_clients import slow_clients
from bench.endurance.soak import soak
from bench.endurance.update import update
from bench.machine import describe

RUNS = ("overload", "bodies", "slow", "port", "update", "soak")


def main() -> int:
    """Run everything that was asked for; exit status 1 when a bound did not hold."""
    parser = argparse.ArgumentParser(prog="python -m bench.endurance", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=RUNS, metavar="RUN")
    parser.add_argument("--seconds", type=float, default=60.0, help="length of the overload (default: 60)")
    parser.add_argument("--mib", type=int, default=1024, help="size of the big bodies (default: 1024)")
    parser.add_argument("--clients", type=int, default=1000, help="slow clients at once (default: 1000)")
    parser.add_argument("--kills", type=int, default=10, help="kills of the proxy that listens (default: 10)")
    parser.add_argument("--minutes", type=float, default=10.0, help="length of the soak (default: 10)")
    parser.add_argument("--report", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    ray.init("local", num_cpus=16, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    client: Any = serve.start(detached=True, http_options=HTTP_OPTIONS)
    figures = []
    for figure in _runs(client, arguments):
        print(figure.row(), file=sys.stderr, flush=True)
        figures.append(figure)
    client.shutdown()
    ray.shutdown()
    text = _report(figures)
    print(text)
    if arguments.report:
        arguments.report.write_text(text)
    return int(not all(figure.held for figure in figures))


def _runs(client: Any, arguments: argparse.Namespace) -> Iterator[Figure]:
    wanted = set(arguments.only or RUNS)
    if "overload" in wanted:
        yield from overload(client, arguments.seconds)
    if "bodies" in wanted:
        yield from bodies(client, arguments.mib)
    if "slow" in wanted:
        yield from slow_clients(client, arguments.clients)
    if "port" in wanted:
        with tempfile.TemporaryDirectory() as directory:
            yield from port(client, arguments.kills, Path(directory))
    if "update" in wanted:
        with tempfile.TemporaryDirectory() as directory:
            yield from update(Path(directory))
    if "soak" in wanted:
        with tempfile.TemporaryDirectory() as directory:
            yield from soak(client, 60 * arguments.minutes, Path(directory))


def _report(figures: list[Figure]) -> str:
    rows = "\n".join(figure.row() for figure in figures)
    command = " ".join(["python -m bench.endurance", *sys.argv[1:]])
    machine = "\n".join(f"- {what}: {value}" for what, value in describe(None))
    return (
        f"# Long runs\n\n`{command}`\n\n{machine}\n\n| what | measured | wanted | held |\n|---|---|---|---|\n{rows}\n"
    )


if __name__ == "__main__":
    sys.exit(main())
