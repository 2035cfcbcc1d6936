"""The control loop, simulated: no cluster, so the figures of a round differ only by the machine's noise."""

from __future__ import annotations

from collections.abc import Iterator

from bench.context import Context
from bench.control_loop import run
from bench.targets import CHANGE, KEYS, LARGE_LOOP, OURS, SMALL_LOOP, TICK
from bench.values import Sample

SCENARIOS = {"large": LARGE_LOOP, "small": SMALL_LOOP}
METRICS = {"tick_ms": TICK, "change_ms": CHANGE, "published_keys": KEYS}


def measure_control(number: int, context: Context) -> Iterator[Sample]:
    """One tick over everything, and what a change to one backend costs."""
    if context.taking_part(OURS):
        context.settle()
        for size, figures in run().items():
            for name, value in figures.items():
                yield Sample(number, SCENARIOS[size], METRICS[name], OURS, value)
