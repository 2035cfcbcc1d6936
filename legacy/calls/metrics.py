"""What handles count: plain numbers while sending, handed to Ray now and then."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from legacy.calls.channel import Channel
from legacy.metrics import HANDLE_CALLS, ROUTER_REQUESTS, WAITING_CALLS, Exporter


class HandleMetrics:
    """The numbers of all handles of one process and instance."""

    def __init__(self) -> None:
        self._calls: Counter[str] = Counter()
        self._exporter = Exporter()

    def count(self, endpoint: str) -> None:
        """One call was sent to the endpoint."""
        self._calls[endpoint] += 1

    def flush(self, channels: Iterable[Channel]) -> None:
        """Report what happened since the last call. Called by one thread."""
        calls = dict(self._calls)
        self._exporter.flush(HANDLE_CALLS, {(endpoint, endpoint): sent for endpoint, sent in calls.items()})
        self._exporter.flush(ROUTER_REQUESTS, calls)
        self._exporter.flush(WAITING_CALLS, {(channel.slots.tag, ""): channel.slots.waiting for channel in channels})
