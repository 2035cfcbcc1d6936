"""What the deployment style costs over the legacy one, and FastAPI ingress over FastAPI alone."""

from __future__ import annotations

from collections.abc import Iterator

from bench.context import Context
from bench.measurements.http import load
from bench.targets import DEPLOYED, FASTAPI, LEGACY, OURS, RATE_32, REDEPLOY, SECONDS, UVICORN_BEHIND_PROXY
from bench.values import Sample

SCENARIOS = {"legacy": LEGACY, "deployment": DEPLOYED, "fastapi": FASTAPI}
TURNS = 2  # each path is measured this often per round, alternating


def measure_deployments(number: int, context: Context) -> Iterator[Sample]:
    """A legacy endpoint, a deployment and FastAPI ingress in turns; then the same FastAPI app behind the same proxy."""
    for system in context.taking_part(OURS, UVICORN_BEHIND_PROXY):
        with context.session(system) as session:
            paths = session.do("deployments")
            for path in paths.values():
                load(session, path, 32, context.warm_s)
            context.settle()
            for _ in range(TURNS):
                for name, path in paths.items():
                    rate = load(session, path, 32, context.seconds).rate
                    yield Sample(number, SCENARIOS[name], RATE_32, system, rate)
            if system == OURS:
                yield Sample(number, REDEPLOY, SECONDS, system, session.do("redeploy"))
