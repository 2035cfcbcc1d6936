"""Handle calls beside raw actor calls: one caller, one replica."""

from __future__ import annotations

from collections.abc import Iterator

from bench.context import Context
from bench.targets import CALLS, CALLS_MANY, CALLS_ONE, OURS, RAW, RAY_SERVE
from bench.values import Sample

SYSTEMS = (OURS, RAW, *RAY_SERVE)
IN_FLIGHT = {CALLS_MANY: 100, CALLS_ONE: 1}


def measure_handles(number: int, context: Context) -> Iterator[Sample]:
    """Calls per second, pipelined and one by one."""
    for system in context.taking_part(*SYSTEMS):
        with context.session(system) as session:
            if system != RAW:
                session.do("serve", handler="hello")
            session.do("calls", seconds=context.warm_s, in_flight=100)
            context.settle()
            for metric, in_flight in IN_FLIGHT.items():
                rate = session.do("calls", seconds=context.seconds, in_flight=in_flight)
                yield Sample(number, CALLS, metric, system, rate)
