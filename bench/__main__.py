"""The command: python -m bench. Runs the measurements in interleaved rounds and prints the report."""

from __future__ import annotations

import argparse
import shlex
import sys
import time
from pathlib import Path

from bench.context import Context
from bench.load import LoadError, require_wrk
from bench.machine import describe
from bench.measurements import MEASUREMENTS
from bench.peers import ROOT, ensure_peers
from bench.report import number, report
from bench.session import SystemFailedError, project_interpreter
from bench.systems import SPECS
from bench.values import Sample, Samples

RESULTS = ROOT / "bench" / "RESULTS.md"
NOTES = ROOT / "bench" / "NOTES.md"


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark; returns the exit status."""
    given = _parser().parse_args(arguments)
    try:
        require_wrk()
        context = _context(given)
        machine = describe(context.interpreters.get("peers"))
        began = time.monotonic()
        samples = _measure(given, context)
    except (LoadError, SystemFailedError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    run = _describe_run(given, time.monotonic() - began)
    text = report(samples, [*machine, *run], NOTES.read_text())
    print("\n" + text)
    if given.report:
        Path(given.report).write_text(text)
        print(f"Written to {given.report}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="how often everything is measured (default: 3)")
    parser.add_argument("--seconds", type=float, default=5, help="length of one interval (default: 5)")
    parser.add_argument("--patience", type=float, default=15, help="seconds to wait for a quiet machine (default: 15)")
    parser.add_argument("--only", nargs="+", choices=MEASUREMENTS, default=list(MEASUREMENTS), metavar="MEASUREMENT")
    parser.add_argument("--systems", nargs="+", choices=SPECS, default=list(SPECS), metavar="SYSTEM")
    parser.add_argument(
        "--report", metavar="FILE", help=f"write the report there ({RESULTS.name} holds the last full run)"
    )
    return parser


def _context(given: argparse.Namespace) -> Context:
    peers = any(SPECS[system].environment == "peers" for system in given.systems)
    interpreters = {"project": project_interpreter()}
    if peers:
        interpreters["peers"] = ensure_peers()
    return Context(interpreters, given.seconds, tuple(given.systems), given.patience)


def _measure(given: argparse.Namespace, context: Context) -> Samples:
    samples: list[Sample] = []
    for round_number in range(given.rounds):
        for name in given.only:
            for sample in MEASUREMENTS[name](round_number, context):
                samples.append(sample)
                print(
                    f"round {round_number + 1}/{given.rounds}  {sample.scenario}  {SPECS[sample.system].title}  "
                    f"{sample.metric}: {number(sample.value)}",
                    flush=True,
                )
    return Samples(samples)


def _describe_run(given: argparse.Namespace, took_s: float) -> list[tuple[str, str]]:
    command = "python -m bench " + shlex.join(sys.argv[1:])
    return [
        ("command", f"`{command.strip()}`"),
        ("rounds", f"{given.rounds} of {given.seconds:g} s intervals, {took_s / 60:.0f} minutes in all"),
    ]


if __name__ == "__main__":
    sys.exit(main())
