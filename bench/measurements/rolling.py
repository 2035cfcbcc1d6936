"""A rolling update of ten replicas under a fixed rate of requests, with the capacity bound sampled all the time."""

from __future__ import annotations

from collections.abc import Iterator

from bench.context import Context
from bench.targets import FAILED, OURS, REQUESTS, ROLLING, TOO_FEW, TOO_MANY
from bench.values import Sample

CPUS = 16
SECONDS = 60  # at 100 requests/s: the 6,000 requests of the promise


def measure_rolling(number: int, context: Context) -> Iterator[Sample]:
    """Requests sent and failed, and samples that broke a bound; once per run, since it takes a minute."""
    if number:
        return
    for system in context.taking_part(OURS):
        with context.session(system, CPUS) as session:
            found = session.do("rolling_update", seconds=SECONDS)
            for metric in (REQUESTS, FAILED, TOO_FEW, TOO_MANY):
                yield Sample(number, ROLLING, metric, system, found[metric])
