"""What the deployment style costs over the legacy one, and FastAPI ingress over FastAPI alone."""

from __future__ import annotations

from collections.abc import Iterator

from bench.context import Context
from bench.measurements.http import in_turns
from bench.targets import DEPLOYED, FASTAPI, LEGACY, OURS, RATE_32, REDEPLOY, SECONDS, UVICORN_BEHIND_PROXY
from bench.values import Sample

SCENARIOS = {"legacy": LEGACY, "deployment": DEPLOYED, "fastapi": FASTAPI}


def measure_deployments(number: int, context: Context) -> Iterator[Sample]:
    """A legacy endpoint, a deployment and FastAPI ingress in turns; then the same FastAPI app behind the same proxy."""
    for system in context.taking_part(OURS, UVICORN_BEHIND_PROXY):
        with context.session(system) as session:
            for name, rate in in_turns(session, session.do("deployments"), context):
                yield Sample(number, SCENARIOS[name], RATE_32, system, rate)
            if system == OURS:
                yield Sample(number, REDEPLOY, SECONDS, system, session.do("redeploy"))
