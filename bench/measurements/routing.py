"""What routing costs: many endpoints, a split, a shadow. Each compared inside one running instance."""

from __future__ import annotations

from collections.abc import Iterator

from bench.context import Context
from bench.measurements.http import in_turns
from bench.targets import ALONE, MANY_ENDPOINTS, ONE_ENDPOINT, OURS, RATE_32, SECONDS, SHADOWED, SPLIT
from bench.values import Sample

SCENARIOS = {"alone": ALONE, "split": SPLIT, "shadowed": SHADOWED}
MANY = 10_000


def measure_endpoints(number: int, context: Context) -> Iterator[Sample]:
    """The same path before and after 10,000 endpoints were registered."""
    for system in context.taking_part(OURS):
        with context.session(system) as session:
            path = session.do("serve", handler="hello")
            for scenario, rate in in_turns(session, {ONE_ENDPOINT: path}, context):
                yield Sample(number, scenario, RATE_32, system, rate)
            took = session.do("endpoints", count=MANY)
            yield Sample(number, f"registering {MANY_ENDPOINTS}", SECONDS, system, took)
            for scenario, rate in in_turns(session, {MANY_ENDPOINTS: path}, context):
                yield Sample(number, scenario, RATE_32, system, rate)


def measure_routing(number: int, context: Context) -> Iterator[Sample]:
    """One backend, a split, and a shadow, in turns."""
    for system in context.taking_part(OURS):
        with context.session(system) as session:
            for name, rate in in_turns(session, session.do("routing"), context):
                yield Sample(number, SCENARIOS[name], RATE_32, system, rate)
