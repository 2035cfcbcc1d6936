"""What handles count, under the names of Ray 1.2-1.7: plain numbers while sending, handed to Ray now and then."""

from __future__ import annotations

from collections.abc import Iterable

from ray.util.metrics import Counter, Gauge

from legacy.calls.channel import Lane


class HandleMetrics:
    """The metrics of all handles of one process and instance."""

    def __init__(self) -> None:
        self._calls: dict[str, int] = {}
        self._reported: dict[str, int] = {}
        self._queued: dict[str, int] = {}
        self._instruments: tuple[Counter, Counter, Gauge] | None = None

    def count(self, endpoint: str) -> None:
        """One call was sent to the endpoint."""
        self._calls[endpoint] = self._calls.get(endpoint, 0) + 1

    def flush(self, lanes: Iterable[Lane]) -> None:
        """Report what happened since the last call. Called by one thread."""
        self._instruments = self._instruments or _instruments()
        handles, routed, queued = self._instruments
        for endpoint, calls in list(self._calls.items()):
            fresh = calls - self._reported.get(endpoint, 0)
            if fresh > 0:
                handles.inc(fresh, {"handle": endpoint, "endpoint": endpoint})
                routed.inc(fresh, {"endpoint": endpoint})
                self._reported[endpoint] = calls
        for lane in lanes:
            tag, waiting = lane.slots.tag, lane.slots.waiting
            if waiting != self._queued.get(tag, 0):
                queued.set(waiting, {"backend": tag, "endpoint": ""})
                self._queued[tag] = waiting


def _instruments() -> tuple[Counter, Counter, Gauge]:
    return (
        Counter("serve_handle_request_counter", "calls made through handles", ("handle", "endpoint")),
        Counter("serve_num_router_requests", "requests sent by routers", ("endpoint",)),
        Gauge("serve_backend_queued_queries", "calls waiting for a replica", ("backend", "endpoint")),
    )
