"""Whether what a process uses grows while it lives. Pure.

Least squares over samples taken after a warm-up. A short run cannot tell a leak of a few MiB per hour from one step of
the allocator, so a bound on memory binds only where the samples span enough time; counts must be flat in any run.

Ray keeps a little of each actor that a process ever started, for good (see `bench.endurance.bare`). Under a killer, who
has hundreds of replicas started in an hour, that is taken off: as much as a bare actor in the same cluster keeps, whose
memory is sampled at the same moments and in the same way. What it has in use would be less than what it takes.
"""

from __future__ import annotations

import math
import statistics
from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass

from bench.endurance.figures import MIB, Figure, at_most

HOUR_S = 3600.0
KIB = 1 << 10
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
    """What a value grows by for each of something, with the half width of its confidence interval of about 95%."""

    rate: float
    error: float

    @property
    def kib(self) -> str:
        """Bytes as text."""
        return f"{self.rate / KIB:.3g} +- {self.error / KIB:.2g} KiB"


@dataclass(frozen=True)
class RaysShare:
    """What Ray itself grows by in a process: so many starts in an hour, each of which costs a bare actor some bytes."""

    starts_per_hour: float
    per_start: Slope

    @property
    def taken_off(self) -> Slope:
        """In MiB per hour; nothing where the control cannot tell it from nothing."""
        one, mib = self.per_start, self.starts_per_hour / MIB
        return Slope(mib * one.rate, mib * one.error) if one.rate > one.error else Slope(0.0, 0.0)

    def __str__(self) -> str:
        starts = f"{self.starts_per_hour:.0f} starts/h, {self.per_start.kib} each in a bare actor"
        return f"{self.taken_off.rate:.3g} that Ray keeps of {starts}"


NOTHING = RaysShare(0.0, Slope(0.0, 0.0))


def slope(points: Sequence[tuple[float, float]]) -> Slope:
    """The slope of values over what each stands beside; at least three points."""
    places = [at for at, _ in points]
    values = [value for _, value in points]
    line = statistics.linear_regression(places, values)
    rest = [value - line.intercept - line.slope * place for place, value in zip(places, values, strict=True)]
    spread = sum((place - statistics.fmean(places)) ** 2 for place in places)
    variance = sum(one**2 for one in rest) / (len(points) - 2)
    return Slope(line.slope, 2 * (variance / spread) ** 0.5)


def per_start(samples: Sequence[Usage], starts: Sequence[float]) -> Slope:
    """Bytes of memory that a process grew by for each start; nothing where too few samples tell.

    Args:
        starts: when each was, in order.
    """
    points = [(float(bisect(starts, one.at)), float(one.memory)) for one in samples]
    tells = len(points) >= FEWEST and points[0][0] < points[-1][0]
    return slope(points) if tells else NOTHING.per_start


def growth(name: str, samples: Sequence[Usage], of_ray: RaysShare = NOTHING) -> list[Figure]:
    """Figures of one process: memory per hour, descriptors and tasks from the first third to the last.

    Args:
        of_ray: what is taken off its memory.
    """
    if len(samples) < FEWEST:
        return [Figure(f"{name}: samples", str(len(samples)), f">= {FEWEST}", False)]
    memory = slope([(one.at / HOUR_S, one.memory / MIB) for one in samples])
    span_s = samples[-1].at - samples[0].at
    value = f"{memory.rate:.3g} +- {memory.error:.2g} MiB/h over {span_s:.0f} s"
    rays = of_ray.taken_off
    ours = Slope(memory.rate - rays.rate, math.hypot(memory.error, rays.error))
    if rays.rate:
        value = f"{ours.rate:.3g} +- {ours.error:.2g} MiB/h: {value}, less {of_ray}"
    tells = span_s >= TELLING_S
    wanted = f"<= {MIB_PER_HOUR:g} MiB/h" if tells else "told: too short to bind"
    held = not tells or ours.rate - ours.error <= MIB_PER_HOUR
    return [
        Figure(f"{name}: growth of memory", value, wanted, held),
        at_most(f"{name}: more descriptors than at first", _more([one.files for one in samples]), SPARE),
        at_most(f"{name}: more tasks than at first", _more([one.tasks for one in samples]), SPARE),
    ]


def _more(values: Sequence[int]) -> float:
    third = len(values) // 3
    return statistics.median(values[-third:]) - statistics.median(values[:third])
