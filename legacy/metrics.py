"""Every metric that serve exports, under the names of Ray 1.1-1.7, and the one way from plain numbers to Ray's metrics.

While requests are served only plain numbers change; now and then an `Exporter` hands them over.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, TypeVar

from ray.util.metrics import Counter, Gauge, Histogram

from legacy.constants import LATENCY_BOUNDS_MS

SAMPLED = 2_000
"""Values of a histogram reported per flush at most. Above that rate it is a sample; counters stay exact."""

Labels = str | tuple[str, ...]
"""The values of a metric's labels, in their order; a str for one that has a single label."""
Key = TypeVar("Key", bound=Labels)


class Metric(NamedTuple):
    """One metric: its name, what it counts, and its labels."""

    name: str
    text: str
    labels: tuple[str, ...]
    kind: Literal["counter", "gauge", "histogram"] = "counter"


HTTP_REQUESTS = Metric("serve_num_http_requests", "HTTP requests per route", ("route",))
ROUTER_REQUESTS = Metric("serve_num_router_requests", "requests sent by routers", ("endpoint",))
HANDLE_CALLS = Metric("serve_handle_request_counter", "calls made through handles", ("handle", "endpoint"))
WAITING_CALLS = Metric("serve_backend_queued_queries", "calls waiting for a replica", ("backend", "endpoint"), "gauge")
REQUESTS = Metric("serve_backend_request_counter", "requests handled", ("backend",))
ERRORS = Metric("serve_backend_error_counter", "requests whose handler raised", ("backend",))
LATENCIES_MS = Metric("serve_backend_processing_latency_ms", "time in the handler", ("backend", "replica"), "histogram")
PROCESSING = Metric("serve_replica_processing_queries", "requests in the handler", ("backend", "replica"), "gauge")
WAITING = Metric("serve_replica_queued_queries", "requests waiting in the replica", ("backend", "replica"), "gauge")
STARTS = Metric("serve_backend_replica_starts", "replicas started", ("backend", "replica"))


class Exporter:
    """Hands the numbers of one process to Ray. Used by one thread."""

    def __init__(self) -> None:
        self._instruments: dict[Metric, Any] = {}
        self._told: dict[tuple[Metric, Labels], float] = {}

    def flush(self, metric: Metric, numbers: Mapping[Key, Any]) -> None:
        """Report what is new.

        Args:
            numbers: of a counter the totals since the start, of a gauge the values now, of a histogram what was
                observed since the last flush.
        """
        instrument = self._instruments.get(metric)
        if instrument is None:
            instrument = self._instruments[metric] = _instrument(metric)
        for labels, number in numbers.items():
            if metric.kind == "histogram":
                for value in number[:: 1 + len(number) // SAMPLED]:
                    instrument.observe(value, _tags(metric, labels))
            elif metric.kind == "gauge" and number != self._told.get((metric, labels)):
                instrument.set(number, _tags(metric, labels))
                self._told[metric, labels] = number
            elif metric.kind == "counter" and number > self._told.get((metric, labels), 0):
                instrument.inc(number - self._told.get((metric, labels), 0), _tags(metric, labels))
                self._told[metric, labels] = number


def _instrument(metric: Metric) -> Any:
    if metric.kind == "histogram":
        return Histogram(metric.name, metric.text, LATENCY_BOUNDS_MS, tag_keys=metric.labels)
    return (Counter if metric.kind == "counter" else Gauge)(metric.name, metric.text, tag_keys=metric.labels)


def _tags(metric: Metric, labels: Labels) -> dict[str, str]:
    # Ray's metrics take ASCII only; names and routes may be any text
    values = (labels,) if isinstance(labels, str) else labels
    return {
        name: value.encode("ascii", "backslashreplace").decode()
        for name, value in zip(metric.labels, values, strict=True)
    }
