"""What `serve.stat()` of Ray 0.8 answers, from the counters of proxies and replicas."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from ray.exceptions import RayError

from legacy.ingress.counters import Counters


def stat_items(proxies: Iterable[Counters], replicas: Mapping[str, tuple[str, int, int]]) -> list[dict[str, Any]]:
    """The counters in the form of Ray 0.8.7's default exporter.

    Args:
        proxies: the totals of each.
        replicas: replica tag -> (backend, requests, errors).
    """
    totals: Counter[tuple[str, str, str]] = Counter()
    for counters in proxies:
        for route, count in counters.http_requests.items():
            totals["num_http_requests", "route", route] += count
        for endpoint, count in counters.router_requests.items():
            totals["num_router_requests", "endpoint", endpoint] += count
    for backend, requests, errors in replicas.values():
        totals["backend_request_counter", "backend", backend] += requests
        if errors:
            totals["backend_error_counter", "backend", backend] += errors
    found = [_item(name, count, {label: value}) for (name, label, value), count in totals.items()]
    starts = [
        _item("backend_worker_starts", 1, {"backend": backend, "replica_tag": tag})
        for tag, (backend, _, _) in replicas.items()
    ]
    return found + starts


async def ask_all(calls: Mapping[str, Any], patience_s: float) -> dict[str, Any]:
    """The answers of actors to calls that were made; those that do not answer in time, or are gone, are left out."""

    async def answer(ref: Any) -> Any:
        return await asyncio.wait_for(ref, patience_s)

    answers = await asyncio.gather(*(answer(ref) for ref in calls.values()), return_exceptions=True)
    for each in answers:
        if isinstance(each, BaseException) and not isinstance(each, (RayError, asyncio.TimeoutError)):
            raise each
    pairs = zip(calls, answers, strict=True)
    return {name: each for name, each in pairs if not isinstance(each, BaseException)}


def _item(name: str, value: int, labels: dict[str, str]) -> dict[str, Any]:
    return {"info": {"name": name, "type": "MetricType.COUNTER", **labels}, "value": value}
