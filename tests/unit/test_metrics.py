"""legacy.metrics: what is declared, and what a flush hands to Ray."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from legacy import metrics
from legacy.calls.metrics import HandleMetrics
from legacy.metrics import Exporter, Metric
from serve_compat.explain.handles import METRICS

DECLARED = [value for value in vars(metrics).values() if isinstance(value, Metric)]
LABELS = {  # dashboards know them
    "serve_num_http_requests": {"route"},
    "serve_num_router_requests": {"endpoint"},
    "serve_handle_request_counter": {"handle", "endpoint"},
    "serve_backend_queued_queries": {"backend", "endpoint"},
    "serve_backend_request_counter": {"backend"},
    "serve_backend_error_counter": {"backend"},
    "serve_backend_processing_latency_ms": {"backend", "replica"},
    "serve_replica_processing_queries": {"backend", "replica"},
    "serve_replica_queued_queries": {"backend", "replica"},
    "serve_backend_replica_starts": {"backend", "replica"},
}


class Fake:
    def __init__(self, name, description, boundaries=(), *, tag_keys):
        pass

    def inc(self, value, tags):
        told.append((value, tags))

    observe = set = inc


told = []


@pytest.fixture(autouse=True)
def exporter(monkeypatch):
    for kind in ("Counter", "Gauge", "Histogram"):
        monkeypatch.setattr(metrics, kind, Fake)
    told.clear()
    return Exporter()


def test_a_counter_reports_what_came_on_top(exporter):
    counter = Metric("c", "", ("route",))
    totals = {"/a": 1}
    exporter.flush(counter, totals)
    totals.update({"/a": 3, "/b": 2})
    exporter.flush(counter, totals)
    exporter.flush(counter, totals)
    assert told == [(1, {"route": "/a"}), (2, {"route": "/a"}), (2, {"route": "/b"})]


def test_a_counter_that_has_not_counted_is_not_reported(exporter):
    exporter.flush(Metric("c", "", ("route",)), {"/a": 0})
    assert told == []


def test_a_gauge_is_reported_at_first_and_when_it_changes(exporter):
    gauge = Metric("g", "", ("backend", "replica"), "gauge")
    for value in (0, 0, 3, 3, 0):
        exporter.flush(gauge, {("b", "b#1"): value})
    assert told == [(value, {"backend": "b", "replica": "b#1"}) for value in (0, 3, 0)]


def test_a_histogram_gets_every_value(exporter):
    exporter.flush(Metric("h", "", ("backend",), "histogram"), {"b": [1.0, 2.5]})
    assert told == [(1.0, {"backend": "b"}), (2.5, {"backend": "b"})]


def test_every_metric_has_a_name_of_its_own_and_is_explained():
    names = [each.name for each in DECLARED]
    assert len(names) == len(set(names)) > 0
    assert set(names) == {entry.name for entry in METRICS}


def test_labels_may_be_any_text_although_ray_takes_ascii_only(exporter):
    exporter.flush(Metric("c", "", ("route",)), {"/größe/☕": 1, "/gr\\xf6\\xdfe": 1})
    assert [tags["route"] for _, tags in told] == [r"/gr\xf6\xdfe/\u2615", r"/gr\xf6\xdfe"]


def test_every_metric_has_its_old_labels():
    assert {each.name: set(each.labels) for each in DECLARED} == LABELS


def test_what_handles_count_is_reported_under_its_own_labels():
    sent = HandleMetrics()
    sent.count("e")
    slots = SimpleNamespace(tag="b", waiting=2)
    sent.flush([SimpleNamespace(slots=slots)])
    assert told == [
        (1, {"handle": "e", "endpoint": "e"}),
        (1, {"endpoint": "e"}),
        (2, {"backend": "b", "endpoint": ""}),
    ]
