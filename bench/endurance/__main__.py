"""The command: python -m bench.endurance. Prints a table, and writes it when --report names a file."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import ray
from ray.cluster_utils import Cluster

import serve_compat as serve
from bench.endurance import overload
from bench.endurance.bodies import bodies
from bench.endurance.figures import Figure
from bench.endurance.growth import growth
from bench.endurance.port import port
from bench.endurance.report import section, with_section
from bench.endurance.shadow import shadow
from bench.endurance.slow_clients import slow_clients
from bench.endurance.soak import soak
from bench.endurance.update import update
from bench.machine import describe

Run = Callable[[Any, Cluster, argparse.Namespace, Path], Iterator[Figure]]

RUNS: dict[str, Run] = {
    "overload": lambda client, cluster, told, directory: overload.overload(client, told.seconds),
    "bodies": lambda client, cluster, told, directory: bodies(client, told.mib),
    "slow": lambda client, cluster, told, directory: slow_clients(client, told.clients),
    "port": lambda client, cluster, told, directory: port(client, told.kills, directory),
    "shadow": lambda client, cluster, told, directory: shadow(client),
    "update": lambda client, cluster, told, directory: update(directory),
    "growth": lambda client, cluster, told, directory: growth(client, told.rounds),
    "soak": lambda client, cluster, told, directory: soak(client, cluster, 60 * told.minutes, directory),
}
HTTP_OPTIONS = {"overload": overload.HTTP_OPTIONS}


def main() -> int:
    """Run everything that was asked for; exit status 1 when a bound did not hold."""
    parser = argparse.ArgumentParser(prog="python -m bench.endurance", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=RUNS, metavar="RUN", default=list(RUNS), help=", ".join(RUNS))
    parser.add_argument("--seconds", type=float, default=60.0, help="length of the overload (default: 60)")
    parser.add_argument("--mib", type=int, default=1024, help="size of the big bodies (default: 1024)")
    parser.add_argument("--clients", type=int, default=1000, help="slow clients at once (default: 1000)")
    parser.add_argument("--kills", type=int, default=10, help="kills of the proxy that listens (default: 10)")
    parser.add_argument("--rounds", type=int, default=20, help="of four lost replicas each, for growth (default: 20)")
    parser.add_argument("--minutes", type=float, default=10.0, help="length of the soak (default: 10)")
    parser.add_argument("--report", type=Path, metavar="FILE", help="what was run before stays in it")
    told = parser.parse_args()
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 16, "include_dashboard": False})
    ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
    held, command = True, " ".join(["python -m bench.endurance", *sys.argv[1:]])
    for name in told.only:
        machine = describe(None)
        figures = list(_run(name, cluster, told))
        held = held and all(figure.held for figure in figures)
        text = section(name, command, machine, figures)
        print(text)
        if told.report:
            before = told.report.read_text() if told.report.exists() else ""
            told.report.write_text(with_section(before, text, list(RUNS)))
    ray.shutdown()
    cluster.shutdown()
    return int(not held)


def _run(name: str, cluster: Cluster, told: argparse.Namespace) -> Iterator[Figure]:
    client: Any = serve.start(detached=True, http_options=HTTP_OPTIONS.get(name, {}))
    with tempfile.TemporaryDirectory() as directory:
        for figure in RUNS[name](client, cluster, told, Path(directory)):
            print(figure.row(), file=sys.stderr, flush=True)
            yield figure
        client.shutdown()


if __name__ == "__main__":
    sys.exit(main())
