"""Requests per second and latency over HTTP, one replica."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bench.context import Context
from bench.load import Load, run_wrk
from bench.session import Session
from bench.targets import ASYNC, OURS, P50_1, P99_32, POST, RATE_1, RATE_32, RAY_SERVE, SYNC, SYNC_8, UVICORN
from bench.values import Sample

HANDLERS = {ASYNC: "hello", SYNC: "hello_sync", POST: "total"}
TURNS = 2  # how often `in_turns` measures each path per round
SYSTEMS = (OURS, *RAY_SERVE, UVICORN)


def measure_http(number: int, context: Context) -> Iterator[Sample]:
    """Every system once, every handler with 32 connections and with 1."""
    for system in context.taking_part(*SYSTEMS):
        with context.session(system) as session:
            for scenario, handler in HANDLERS.items():
                path = session.do("serve", handler=handler)
                for metric, value in _both(session, path, context, post=scenario == POST):
                    yield Sample(number, scenario, metric, system, value)
            if system == OURS:
                for metric, value in _both(session, session.do("serve_in_line"), context, post=False):
                    yield Sample(number, SYNC_8, metric, system, value)


def load(session: Session, path: str, connections: int, seconds: float, post: bool = False) -> Load:
    """wrk against a path of the session's system."""
    return run_wrk(session.prefix, session.url(path), connections, seconds, post)


def in_turns(session: Session, paths: Mapping[str, str], context: Context) -> Iterator[tuple[str, float]]:
    """Requests per second of several paths of one session with 32 connections, alternating: (name, rate)."""
    for path in paths.values():
        load(session, path, 32, context.warm_s)
    context.settle()
    for _ in range(TURNS):
        for name, path in paths.items():
            yield name, load(session, path, 32, context.seconds).rate


def _both(session: Session, path: str, context: Context, post: bool) -> Iterator[tuple[str, float]]:
    load(session, path, 32, context.warm_s, post)
    context.settle()
    many = load(session, path, 32, context.seconds, post)
    one = load(session, path, 1, context.seconds, post)
    yield from ((RATE_32, many.rate), (P99_32, many.p99_ms), (RATE_1, one.rate), (P50_1, one.p50_ms))
