"""legacy.config: defaults, rules and merges of reference 3.3."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from legacy.config import BackendConfig, Heard, heard_by_replicas, resolved_concurrency
from legacy.generations import DEPLOYMENT, V0_8, V1_2, V1_4


def test_the_defaults_are_those_of_ray_1_2():
    config = BackendConfig()
    assert (config.num_replicas, config.max_batch_size, config.batch_wait_timeout) == (1, None, 0)
    assert (config.max_concurrent_queries, config.user_config) == (8, None)
    assert config.experimental_graceful_shutdown_wait_loop_s == 2.0
    assert config.experimental_graceful_shutdown_timeout_s == 20.0


BAD_FIELDS = [
    {"num_replicas": 0},
    {"num_replicas": -1},
    {"num_replicas": "many"},
    {"num_replicas": 1.5},
    {"max_batch_size": 0},
    {"max_concurrent_queries": 0},
    {"max_concurrent_queries": -4},
    {"batch_wait_timeout": "soon"},
    {"batch_wait_timeout": -1},
    {"experimental_graceful_shutdown_wait_loop_s": -1},
    {"experimental_graceful_shutdown_timeout_s": -0.1},
    {"no_such_field": 1},
]


@pytest.mark.parametrize("bad", BAD_FIELDS, ids=str)
def test_bad_fields_are_value_errors_that_name_the_field(bad):
    with pytest.raises(ValueError, match=next(iter(bad))):
        BackendConfig(**bad)
    config = BackendConfig(num_replicas=2)
    with pytest.raises(ValidationError):
        config.updated(bad)
    assert config == BackendConfig(num_replicas=2)


@pytest.mark.parametrize("name", BackendConfig.model_fields)
def test_every_field_says_once_whether_replicas_must_hear_of_it(name):
    said = [each for each in BackendConfig.model_fields[name].metadata if isinstance(each, Heard)]
    assert len(said) == 1
    assert (said == [Heard.BY_REPLICAS]) == (name in heard_by_replicas())


def test_replicas_that_run_hear_of_what_they_themselves_act_on():
    acted_on = {"max_batch_size", "batch_wait_timeout", "max_concurrent_queries", "user_config"}
    assert set(heard_by_replicas()) == acted_on


def test_assignment_is_validated():
    config = BackendConfig()
    config.num_replicas = 3
    with pytest.raises(ValueError, match="num_replicas"):
        config.num_replicas = 0
    assert config.num_replicas == 3


def test_configs_compare_by_value():
    assert BackendConfig(num_replicas=2) == BackendConfig(num_replicas=2)
    assert BackendConfig(num_replicas=2) != BackendConfig(num_replicas=3)


def test_an_update_by_dict_keeps_all_other_fields():
    config = BackendConfig(num_replicas=2, user_config={"a": 1})
    assert config.updated({"num_replicas": 3}) == BackendConfig(num_replicas=3, user_config={"a": 1})


def test_an_update_by_object_takes_only_the_fields_that_were_set():
    config = BackendConfig(num_replicas=2, max_batch_size=10)
    merged = config.updated(BackendConfig(user_config=7))
    assert (merged.num_replicas, merged.max_batch_size, merged.user_config) == (2, 10, 7)
    assert config.updated(BackendConfig(num_replicas=1)).num_replicas == 1


def test_user_config_can_be_set_back_to_none():
    assert BackendConfig(user_config=1).updated({"user_config": None}).user_config is None


def test_the_user_config_itself_is_kept_not_a_copy():
    thing = object()
    assert BackendConfig(user_config=thing).updated({"num_replicas": 2}).user_config is thing
    assert BackendConfig().updated(BackendConfig(user_config=thing)).user_config is thing


def test_a_user_config_object_survives_an_update_by_a_config_object():
    inner = BackendConfig(num_replicas=5)  # a pydantic model must not turn into a dict on the way
    assert BackendConfig().updated(BackendConfig(user_config=inner)).user_config is inner


FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "num_replicas": st.integers(1, 9),
        "max_batch_size": st.one_of(st.none(), st.integers(1, 9)),
        "batch_wait_timeout": st.floats(0, 5),
        "max_concurrent_queries": st.one_of(st.none(), st.integers(1, 9)),
        "user_config": st.one_of(st.none(), st.integers(), st.dictionaries(st.text(max_size=2), st.integers())),
    },
)


@given(FIELDS, FIELDS)
def test_updating_is_merging_what_was_given(first, second):
    assert BackendConfig(**first).updated(second) == BackendConfig(**{**first, **second})
    object_of = BackendConfig(**second)
    assert BackendConfig(**first).updated(object_of) == BackendConfig(**{**first, **object_of.given()})


@pytest.mark.parametrize(
    ("fields", "is_async", "expected"),
    [
        ({}, False, 8),
        ({}, True, 1_000_000),
        ({"max_batch_size": 5}, False, 10),
        ({"max_batch_size": 5}, True, 1_000_000),
        ({"max_batch_size": 5, "batch_wait_timeout": 1}, False, 10),
        ({"max_batch_size": 5, "batch_wait_timeout": 1}, True, 10),
        ({"max_concurrent_queries": 3, "max_batch_size": 5}, True, 3),
    ],
)
def test_clients_compute_the_concurrency_as_ray_1_2(fields, is_async, expected):
    for generation in (V1_2, V0_8):
        assert resolved_concurrency(BackendConfig(**fields), generation.default_concurrency, is_async) == expected


@pytest.mark.parametrize(
    ("era", "limits"),
    [("", (8, 10)), ("0.8", (8, 10)), ("1.0", (8, 10)), ("1.2", (8, 10)), ("1.4", (100, 100)), ("2.3", (100, 100))],
)
def test_a_limit_that_nobody_gave_reads_as_in_the_era_and_counts_as_not_given(era, limits, monkeypatch):
    monkeypatch.setenv("SERVE_COMPAT_ERA", era)
    plain, batches = BackendConfig(), BackendConfig(max_batch_size=5, max_concurrent_queries=None)
    assert (plain.max_concurrent_queries, batches.max_concurrent_queries) == limits
    assert f"max_concurrent_queries={limits[0]}" in repr(plain)
    assert (plain.given(), batches.given()) == ({}, {"max_batch_size": 5})
    batches.max_concurrent_queries = 3
    assert batches.given() == {"max_batch_size": 5, "max_concurrent_queries": 3}
    batches.max_concurrent_queries = None
    assert (batches.max_concurrent_queries, batches.given()) == (limits[1], {"max_batch_size": 5})


@pytest.mark.parametrize("generation", [V1_4, DEPLOYMENT])
def test_later_generations_use_100(generation):
    assert resolved_concurrency(BackendConfig(), generation.default_concurrency, False) == 100
    given = BackendConfig(max_concurrent_queries=7)
    assert resolved_concurrency(given, generation.default_concurrency, True) == 7
