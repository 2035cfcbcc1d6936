"""What a replica counts: plain numbers while serving, one flush a second."""

from __future__ import annotations

from legacy.metrics import ERRORS, LATENCIES_MS, PROCESSING, REQUESTS, STARTS, WAITING, Exporter


class ReplicaMetrics:
    """The numbers of one replica.

    Attributes:
        requests: handled since the start.
        errors: how many of them failed.
        last_error: class and message of the last one that did; "" for none.
    """

    def __init__(self, backend: str, replica: str) -> None:
        self.errors = 0
        self.requests = 0
        self.last_error = ""
        self._backend = backend
        self._replica = (backend, replica)
        self._latencies_ms: list[float] = []
        self._exporter = Exporter()

    def flush(self, processing: int, queued: int) -> None:
        """Hand what happened since the last call to Ray, and how many requests there are right now."""
        latencies, self._latencies_ms = self._latencies_ms, []
        flush = self._exporter.flush
        flush(STARTS, {self._replica: 1})
        flush(REQUESTS, {self._backend: self.requests})
        flush(ERRORS, {self._backend: self.errors})
        flush(LATENCIES_MS, {self._replica: latencies})
        flush(PROCESSING, {self._replica: processing})
        flush(WAITING, {self._replica: queued})

    def count(self, seconds: float, failed: bool) -> None:
        """One request is over. Only called on the user loop."""
        self.requests += 1
        self.errors += failed
        self._latencies_ms.append(seconds * 1000)
