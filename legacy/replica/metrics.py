"""What a replica counts, and how it reaches Ray's metrics: plain numbers while serving, one flush a second."""

from __future__ import annotations

from ray.util.metrics import Counter, Gauge, Histogram

BOUNDS_MS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000]
SAMPLED = 2_000
"""Latencies reported per flush at most. Above that rate the histogram is a sample; the counters stay exact."""


class ReplicaMetrics:
    """Ray metrics of one replica, under the names of Ray 1.2-1.4.

    Attributes:
        requests: handled since the start.
        errors: how many of them failed.
        last_error: class and message of the last one that did; "" for none.
    """

    def __init__(self, backend: str, replica: str) -> None:
        self.errors = 0
        self.requests = 0
        self.last_error = ""
        self._latencies_ms: list[float] = []
        self._sent_requests = 0
        self._sent_errors = 0
        of_backend, of_replica = {"backend": backend}, {"backend": backend, "replica": replica}
        self._requests = _counter("serve_backend_request_counter", "requests handled", of_backend)
        self._errors = _counter("serve_backend_error_counter", "requests whose handler raised", of_backend)
        self._latency = Histogram(
            "serve_backend_processing_latency_ms", "time in the handler", BOUNDS_MS, tag_keys=tuple(of_replica)
        )
        self._latency.set_default_tags(of_replica)
        self._processing = _gauge("serve_replica_processing_queries", "requests in the handler", of_replica)
        self._queued = _gauge("serve_replica_queued_queries", "requests waiting in the replica", of_replica)
        starts = _counter("serve_backend_replica_starts", "replicas started", of_replica)
        starts.inc()
        self._shown = (-1, -1)

    def flush(self, processing: int, queued: int) -> None:
        """Hand what happened since the last call to Ray, and how many requests there are right now."""
        requests, errors = self.requests, self.errors
        if requests > self._sent_requests:
            self._requests.inc(requests - self._sent_requests)
        if errors > self._sent_errors:
            self._errors.inc(errors - self._sent_errors)
        self._sent_requests, self._sent_errors = requests, errors
        latencies, self._latencies_ms = self._latencies_ms, []
        for latency in latencies[:: 1 + len(latencies) // SAMPLED]:
            self._latency.observe(latency)
        if (processing, queued) != self._shown:
            self._processing.set(processing)
            self._queued.set(queued)
            self._shown = (processing, queued)

    def count(self, seconds: float, failed: bool) -> None:
        """One request is over. Only called on the user loop."""
        self.requests += 1
        self.errors += failed
        self._latencies_ms.append(seconds * 1000)


def _counter(name: str, text: str, tags: dict[str, str]) -> Counter:
    counter = Counter(name, text, tag_keys=tuple(tags))
    counter.set_default_tags(tags)
    return counter


def _gauge(name: str, text: str, tags: dict[str, str]) -> Gauge:
    gauge = Gauge(name, text, tag_keys=tuple(tags))
    gauge.set_default_tags(tags)
    return gauge
