"""What the proxy counts: plain ints on the way, one flush a second."""

from __future__ import annotations

from collections import Counter
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
            body was too long or never complete, too many wait already, or the answer had no end.
    """

    http_requests: Counter[str] = field(default_factory=Counter)
    router_requests: Counter[str] = field(default_factory=Counter)
    errors: Counter[int] = field(default_factory=Counter)
    shadows_sent: Counter[str] = field(default_factory=Counter)
    shadows_dropped: Counter[str] = field(default_factory=Counter)

    def flush(self, exporter: Exporter) -> None:
        """Report what was counted since the last call."""
        exporter.flush(HTTP_REQUESTS, self.http_requests)
        exporter.flush(ROUTER_REQUESTS, self.router_requests)
