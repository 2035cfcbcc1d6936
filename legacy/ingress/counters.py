"""What the proxy counts: plain ints on the way, one flush a second."""

from __future__ import annotations

from dataclasses import dataclass, field

from legacy.metrics import HTTP_REQUESTS, ROUTER_REQUESTS, Exporter


@dataclass
class Counters:
    """Totals since the start.

    Attributes:
        http_requests: route -> requests that found an endpoint there.
        router_requests: endpoint -> requests handed to one of its backends.
        errors: status -> answers the proxy gave by itself because something went wrong.
        shadows_sent, shadows_dropped: backend -> shadow requests that were answered, and those that were dropped: the
            body was too long or never complete, or too many wait already.
    """

    http_requests: dict[str, int] = field(default_factory=dict)
    router_requests: dict[str, int] = field(default_factory=dict)
    errors: dict[int, int] = field(default_factory=dict)
    shadows_sent: dict[str, int] = field(default_factory=dict)
    shadows_dropped: dict[str, int] = field(default_factory=dict)

    def flush(self, exporter: Exporter) -> None:
        """Report what was counted since the last call."""
        exporter.flush(HTTP_REQUESTS, self.http_requests)
        exporter.flush(ROUTER_REQUESTS, self.router_requests)


def add(counts: dict[str, int], key: str, by: int = 1) -> None:
    """Add to one of the totals."""
    counts[key] = counts.get(key, 0) + by
