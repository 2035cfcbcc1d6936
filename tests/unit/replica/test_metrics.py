import asyncio
from types import SimpleNamespace

import pytest

from legacy import metrics
from legacy.metrics import SAMPLED
from legacy.replica.metrics import ReplicaMetrics
from legacy.replica.replica import ServeReplica
from legacy.seldom import Seldom


class Fake:
    def __init__(self, name, description="", boundaries=None, tag_keys=None):
        self.name, self.tag_keys, self.values = name, tag_keys, []
        made[name] = self

    def inc(self, value, tags):
        assert tuple(tags) == self.tag_keys
        self.values.append(value)

    observe = set = inc


made = {}


@pytest.fixture
def counted(monkeypatch):
    for kind in ("Counter", "Gauge", "Histogram"):
        monkeypatch.setattr(metrics, kind, Fake)
    made.clear()
    return ReplicaMetrics("b", "b#abcdef")


def test_a_flush_reports_what_happened_since_the_last_one(counted):
    counted.count(0.002, failed=False)
    counted.count(0.003, failed=True)
    counted.flush(processing=1, queued=0)
    counted.count(0.004, failed=False)
    counted.flush(processing=1, queued=0)
    assert made["serve_backend_request_counter"].values == [2, 1]
    assert made["serve_backend_error_counter"].values == [1]
    assert made["serve_backend_processing_latency_ms"].values == [2, 3, 4]


def test_gauges_are_set_when_they_change_only(counted):
    for processing in (0, 0, 3, 3):
        counted.flush(processing, queued=0)
    assert made["serve_replica_processing_queries"].values == [0, 3]
    assert made["serve_replica_queued_queries"].values == [0]


def test_under_high_load_the_histogram_is_a_sample_and_the_counters_are_exact(counted):
    for _ in range(10 * SAMPLED):
        counted.count(0.001, failed=False)
    counted.flush(0, 0)
    assert SAMPLED // 2 < len(made["serve_backend_processing_latency_ms"].values) <= SAMPLED
    assert made["serve_backend_request_counter"].values == [10 * SAMPLED]


def test_names_and_tags_are_those_of_ray_1(counted):
    counted.flush(0, 0)
    assert {name: each.tag_keys for name, each in made.items()} == {
        "serve_backend_request_counter": ("backend",),
        "serve_backend_error_counter": ("backend",),
        "serve_backend_processing_latency_ms": ("backend", "replica"),
        "serve_replica_processing_queries": ("backend", "replica"),
        "serve_replica_queued_queries": ("backend", "replica"),
        "serve_backend_replica_starts": ("backend", "replica"),
    }


def test_a_flush_that_ray_does_not_take_is_not_the_last_one(monkeypatch, caplog):
    flushes = []

    def flush(processing, queued):
        flushes.append(processing)
        raise ValueError("no such tag")

    async def play():
        made = object.__new__(ServeReplica)
        made._metrics, made._seldom, made._stopped = SimpleNamespace(flush=flush), Seldom(), None
        made._gate, made._app = SimpleNamespace(running=3, waiting=0), None
        made._flush_metrics()
        while len(flushes) < 3:
            await asyncio.sleep(0.001)
        made._stopped = True

    monkeypatch.setattr("legacy.replica.replica._FLUSH_S", 0.001)
    asyncio.run(asyncio.wait_for(play(), 10))
    assert "the count of requests failed and goes on: Traceback" in caplog.text
