"""legacy.records: values that travel between processes must arrive equal and must not change on the way."""

from __future__ import annotations

import dataclasses
import inspect
import pickle
from dataclasses import replace

import pytest

from legacy import records
from legacy.config import BackendConfig
from legacy.generations import DEPLOYMENT, DEPLOYMENT_1_4, V1_2, V1_4
from legacy.records import BackendSpec, BackendView, Endpoint, Poll, ReplicaAddress, Update

REPLICA = ReplicaAddress("b#abcdef", "b", "node", 7, "/run/s", ("10.0.0.1", 4000))
EXAMPLES = [
    BackendSpec("b", b"code", True, BackendConfig(num_replicas=2, user_config={"a": 1}), {"num_cpus": 1}, V1_2),
    Endpoint("e", "/e", ("GET",), {"b": 1}, {"s": 0.5}, V1_4),
    Update("epoch", 3, True, {"e": None}, {"b": BackendView("b", 8, (REPLICA,)), "gone": None}, "secret"),
    Poll("me", "handle", "epoch", 3, frozenset({"b#abcdef"}), {"b": 1}),
]


@pytest.mark.parametrize("record", EXAMPLES, ids=lambda record: type(record).__name__)
def test_records_survive_pickling(record):
    assert pickle.loads(pickle.dumps(record)) == record


@pytest.mark.parametrize("kind", [c for _, c in inspect.getmembers(records, dataclasses.is_dataclass)])
def test_every_record_is_frozen_and_documented(kind):
    assert kind.__dataclass_params__.frozen
    assert kind.__doc__


def test_records_do_not_share_their_default_dicts():
    one, other = Endpoint("e", None, (), {}), Endpoint("f", None, (), {})
    assert one.shadows is not other.shadows


def test_weights_keep_the_type_the_user_gave():
    copy = pickle.loads(pickle.dumps(EXAMPLES[1]))
    assert type(copy.traffic["b"]) is int


@pytest.mark.parametrize(("generation", "told"), [(DEPLOYMENT_1_4, None), (DEPLOYMENT, "/d"), (V1_4, "/d")])
def test_the_route_that_a_deployment_has_by_itself_is_told_as_none_in_ray_1_4(generation, told):
    endpoint = Endpoint("d", "/d", (), {"d": 1}, generation=generation)
    assert (endpoint.told_route, replace(endpoint, route="/x").told_route) == (told, "/x")
