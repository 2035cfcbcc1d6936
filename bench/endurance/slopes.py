"""Whether what a process uses grows while it lives. Pure.

Least squares over samples taken after a warm-up. A short run cannot tell a leak of a few MiB per hour from one step of
the allocator, so a bound on memory binds only where the samples span enough time; counts must be flat in any run.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from bench.endurance.figures import MIB, Figure, at_most

HOUR_S = 3600.0
MIB_PER_HOUR = 1.0  # what the memory of a process may grow by
TELLING_S = 1200.0  # samples over less than this tell nothing about MiB per hour
SPARE = 8  # of descriptors or tasks: requests under way, and what Ray opens and closes
FEWEST = 9  # samples, three in each third


@dataclass(frozen=True)
class Usage:
    """What one process used at one moment; `at` in time.monotonic() seconds."""

    at: float
    memory: int
    files: int
    tasks: int


@dataclass(frozen=True)
class Slope:
    """Growth per hour with the half width of its confidence interval of about 95%."""

    per_hour: float
    error: float


def slope(points: Sequence[tuple[float, float]]) -> Slope:
    """The slope of values over seconds, per hour; at least three points."""
    hours = [at / HOUR_S for at, _ in points]
    values = [value for _, value in points]
    line = statistics.linear_regression(hours, values)
    rest = [value - line.intercept - line.slope * hour for hour, value in zip(hours, values, strict=True)]
    spread = sum((hour - statistics.fmean(hours)) ** 2 for hour in hours)
    variance = sum(one**2 for one in rest) / (len(points) - 2)
    return Slope(line.slope, 2 * (variance / spread) ** 0.5)


def growth(name: str, samples: Sequence[Usage]) -> list[Figure]:
    """Figures of one process: memory per hour, descriptors and tasks from the first third to the last."""
    if len(samples) < FEWEST:
        return [Figure(f"{name}: samples", str(len(samples)), f">= {FEWEST}", False)]
    memory = slope([(one.at, one.memory / MIB) for one in samples])
    span_s = samples[-1].at - samples[0].at
    value = f"{memory.per_hour:.3g} +- {memory.error:.2g} MiB/h over {span_s:.0f} s"
    tells = span_s >= TELLING_S
    wanted = f"<= {MIB_PER_HOUR:g} MiB/h" if tells else "told: too short to bind"
    held = not tells or memory.per_hour - memory.error <= MIB_PER_HOUR
    return [
        Figure(f"{name}: growth of memory", value, wanted, held),
        at_most(f"{name}: more descriptors than at first", _more([one.files for one in samples]), SPARE),
        at_most(f"{name}: more tasks than at first", _more([one.tasks for one in samples]), SPARE),
    ]


def _more(values: Sequence[int]) -> float:
    third = len(values) // 3
    return statistics.median(values[-third:]) - statistics.median(values[:third])
