"""legacy.ingress.counters."""

from __future__ import annotations

from legacy.ingress.counters import Counters


def test_totals_grow():
    counts = Counters().http_requests
    for by in (1, 2):
        counts["a"] += by
    assert counts == {"a": 3}


def test_a_flush_reports_requests_by_route_and_by_endpoint():
    class Exporter:
        told: dict[str, dict[str, int]] = {}

        def flush(self, metric, numbers):
            self.told[metric.name] = numbers

    Counters(http_requests={"/a": 2}, router_requests={"a": 2}).flush(Exporter())
    assert Exporter.told == {"serve_num_http_requests": {"/a": 2}, "serve_num_router_requests": {"a": 2}}
