"""The values of a run: samples measured in rounds, and how they are put together. No I/O."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

MICROSECONDS = 1e6


@dataclass(frozen=True)
class Sample:
    """One figure of one system in one round.

    Attributes:
        round: counts from 0. Ratios are formed inside a round, so that a slow minute of the machine hits both sides.
        scenario: what was done, for example "async hello".
        metric: what was counted, for example "req/s, 32 connections".
        system: a key of bench.systems.SPECS.
        value: in the metric's unit.
    """

    round: int
    scenario: str
    metric: str
    system: str
    value: float


@dataclass(frozen=True)
class Spread:
    """The median and the extremes over the rounds."""

    median: float
    low: float
    high: float
    rounds: int


class Samples:
    """All samples of a run, asked by scenario, metric and system."""

    def __init__(self, samples: Iterable[Sample]) -> None:
        self._samples = list(samples)

    def rows(self) -> list[tuple[str, str]]:
        """Every (scenario, metric) in the order in which it was first measured."""
        return list(dict.fromkeys((sample.scenario, sample.metric) for sample in self._samples))

    def systems(self) -> list[str]:
        """Every system that has a sample, in the order in which it was first measured."""
        return list(dict.fromkeys(sample.system for sample in self._samples))

    def by_round(self, scenario: str, metric: str, system: str) -> dict[int, float]:
        """round -> the value of that round; several samples of a round count by their median."""
        found: dict[int, list[float]] = {}
        for sample in self._samples:
            if (sample.scenario, sample.metric, sample.system) == (scenario, metric, system):
                found.setdefault(sample.round, []).append(sample.value)
        return {number: statistics.median(values) for number, values in found.items()}

    def spread(self, scenario: str, metric: str, system: str) -> Spread | None:
        """Median and extremes over the rounds; None when nothing was measured."""
        return spread(list(self.by_round(scenario, metric, system).values()))


def spread(values: Sequence[float]) -> Spread | None:
    """Median and extremes; None for no values."""
    if not values:
        return None
    return Spread(statistics.median(values), min(values), max(values), len(values))
