"""How long replicas take to start, beside raw actors, in clusters of the same size."""

from __future__ import annotations

from collections.abc import Iterator

from bench.context import Context
from bench.targets import OURS, RAW, SECONDS, START_EIGHT, START_ONE
from bench.values import Sample

CPUS = 16  # eight replicas of one CPU each, and some air
TURNS = 3
COMMANDS = {START_ONE: "start_one", START_EIGHT: "start_eight"}


def measure_startup(number: int, context: Context) -> Iterator[Sample]:
    """One replica to its first answer, and eight replicas; each several times, the first one not counted."""
    for system in context.taking_part(OURS, RAW):
        with context.session(system, CPUS) as session:
            for scenario, command in COMMANDS.items():
                for turn in range(TURNS + 1):
                    context.settle()
                    took = session.do(command)
                    if turn:
                        yield Sample(number, scenario, SECONDS, system, took)
