"""What routing costs: many endpoints, a split, a shadow. Each compared inside one running instance."""

from __future__ import annotations

from collections.abc import Iterator

from bench.context import Context
from bench.measurements.http import load
from bench.targets import ALONE, MANY_ENDPOINTS, ONE_ENDPOINT, OURS, RATE_32, SECONDS, SHADOWED, SPLIT
from bench.values import Sample

SCENARIOS = {"alone": ALONE, "split": SPLIT, "shadowed": SHADOWED}
MANY = 10_000
TURNS = 2  # each path is measured this often per round, alternating


def measure_endpoints(number: int, context: Context) -> Iterator[Sample]:
    """The same path before and after 10,000 endpoints were registered."""
    for system in context.taking_part(OURS):
        with context.session(system) as session:
            path = session.do("serve", handler="hello")
            load(session, path, 32, context.warm_s)
            context.settle()
            for _ in range(TURNS):
                rate = load(session, path, 32, context.seconds).rate
                yield Sample(number, ONE_ENDPOINT, RATE_32, system, rate)
            took = session.do("endpoints", count=MANY)
            yield Sample(number, f"registering {MANY_ENDPOINTS}", SECONDS, system, took)
            load(session, path, 32, context.warm_s)
            context.settle()
            for _ in range(TURNS):
                rate = load(session, path, 32, context.seconds).rate
                yield Sample(number, MANY_ENDPOINTS, RATE_32, system, rate)


def measure_routing(number: int, context: Context) -> Iterator[Sample]:
    """One backend, a split, and a shadow, in turns."""
    for system in context.taking_part(OURS):
        with context.session(system) as session:
            paths = session.do("routing")
            for path in paths.values():
                load(session, path, 32, context.warm_s)
            context.settle()
            for _ in range(TURNS):
                for name, path in paths.items():
                    rate = load(session, path, 32, context.seconds).rate
                    yield Sample(number, SCENARIOS[name], RATE_32, system, rate)
