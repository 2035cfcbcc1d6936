"""What the proxy counts: plain ints on the way, flushed to Ray's metrics once a second by the proxy."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Counters:
    """Totals since the start.

    Attributes:
        http_requests: route -> requests that found an endpoint there.
        router_requests: endpoint -> requests handed to one of its backends.
        errors: status -> answers the proxy gave by itself because something went wrong.
        shadows_sent, shadows_dropped: backend -> copies that left, and copies that were not made: the body was too
            long or never complete, or too many wait already.
    """

    http_requests: dict[str, int] = field(default_factory=dict)
    router_requests: dict[str, int] = field(default_factory=dict)
    errors: dict[int, int] = field(default_factory=dict)
    shadows_sent: dict[str, int] = field(default_factory=dict)
    shadows_dropped: dict[str, int] = field(default_factory=dict)


def add(counts: dict[str, int], key: str, by: int = 1) -> None:
    """Add to one of the totals."""
    counts[key] = counts.get(key, 0) + by


def increases(now: dict[str, int], before: dict[str, int]) -> dict[str, int]:
    """What came on top of `before`, where anything did."""
    return {key: count - before.get(key, 0) for key, count in now.items() if count != before.get(key, 0)}
