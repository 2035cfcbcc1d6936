from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from legacy.config import AutoscalingConfig, BackendConfig
from serve_compat.deployments import options
from serve_compat.deployments.options import TABLE, backend_config, checked

CONFIG_VALUES = {
    "num_replicas": 2,
    "user_config": {"a": 1},
    "max_concurrent_queries": 5,
    "autoscaling_config": {"max_replicas": 3},
    "graceful_shutdown_wait_loop_s": 0.5,
    "graceful_shutdown_timeout_s": 1.5,
    "health_check_period_s": 2.5,
    "health_check_timeout_s": 3.5,
}


@pytest.mark.parametrize("option", [option for option in TABLE if option.field], ids=lambda option: option.name)
def test_every_spelling_reaches_the_backends_config(option):
    value = CONFIG_VALUES[option.name]
    wanted = AutoscalingConfig(**value) if option.name == "autoscaling_config" else value
    for spelling in (option.name, *option.others):
        assert getattr(backend_config(checked({spelling: value})), option.field) == wanted


def test_what_a_config_was_made_from_is_found_again():
    for name, value in CONFIG_VALUES.items():
        found = checked({name: value})
        assert options.of_backend(backend_config(found)) == found


def test_nothing_given_means_the_documented_defaults():
    assert options.config_values({}) == {
        "num_replicas": 1,
        "user_config": None,
        "max_concurrent_queries": 100,
        "autoscaling_config": None,
        "graceful_shutdown_wait_loop_s": 2.0,
        "graceful_shutdown_timeout_s": 20.0,
        "health_check_period_s": 10.0,
        "health_check_timeout_s": 30.0,
    }


def test_none_means_not_given_except_for_the_route():
    nothing = {option.name: None for option in TABLE}
    assert checked(nothing) == {"route_prefix": None}


@pytest.mark.parametrize(
    ("era", "kept"), [("1.4", {}), ("1.13", {"route_prefix": None}), ("2.3", {"route_prefix": None})]
)
def test_up_to_1_7_no_route_prefix_meant_the_default_one(era, kept, monkeypatch):
    monkeypatch.setenv("SERVE_COMPAT_ERA", era)
    assert checked({"route_prefix": None}) == kept


@pytest.mark.parametrize(
    ("given_options", "error", "text"),
    [
        ({"num_replica": 2}, TypeError, "no option 'num_replica'; it has .*num_replicas"),
        ({"max_concurrent_queries": 1, "max_ongoing_requests": 2}, TypeError, "given twice"),
        ({"name": 5}, TypeError, "name must be a string"),
        ({"init_args": "abc"}, TypeError, "init_args must be a tuple"),
        ({"init_kwargs": ()}, TypeError, "init_kwargs must be a dict"),
        ({"ray_actor_options": []}, TypeError, "ray_actor_options must be a dict"),
        ({"autoscaling_config": 3}, TypeError, "autoscaling_config must be a dict"),
        ({"autoscaling_config": {"max_replicas": 0}}, ValueError, "max_replicas"),
        ({"num_replicas": 0}, ValueError, "num_replicas"),
        ({"num_replicas": 1, "_autoscaling_config": {}}, ValueError, "num_replicas and autoscaling_config"),
        ({"user_config": object()}, ValueError, "must be JSON-serializable"),
        ({"is_driver_deployment": True}, ValueError, "EveryNode"),
        ({"config": 3}, TypeError, "config must be a dict"),
        ({"config": {"num_replicas": 0}}, ValueError, "num_replicas"),
        ({"route_prefix": 5}, TypeError, "route_prefix must be a string"),
        ({"route_prefix": "x"}, ValueError, r"route_prefix must start with '/'\."),
        ({"route_prefix": "/x/"}, ValueError, "use '/x', not '/x/'"),
        ({"route_prefix": "//"}, ValueError, "use '/', not '//'"),
        ({"num_replicas": "auto"}, ValueError, "not 'auto'; for as many .* give autoscaling_config="),
        ({"num_replicas": "many"}, ValueError, "^num_replicas must be a whole number of at least 1, not 'many'"),
        ({"user_config": {"a": np.ones(2)}}, ValueError, "runs with --era 1.13"),
    ],
)
def test_a_bad_option_says_what_is_wrong(given_options, error, text):
    with pytest.raises(error, match=text):
        checked(given_options)


@pytest.mark.parametrize(("era", "taken"), [("1.4", True), ("1.13", True), ("2.3", False)])
@pytest.mark.parametrize("value", [{"a": np.ones(2)}, {1, 2}, {(1, 2): 3}, date(2020, 1, 1)], ids=repr)
def test_up_to_1_13_a_user_config_was_anything(era, taken, value, monkeypatch):
    monkeypatch.setenv("SERVE_COMPAT_ERA", era)
    if taken:
        assert checked({"user_config": value})["user_config"] is value
    else:
        with pytest.raises(ValueError, match="must be JSON-serializable"):
            checked({"user_config": value})


@pytest.mark.parametrize("value", [b"x", {"a": np.float64(2)}, (1,), {1: 2}, float("inf")])
def test_bytes_and_what_json_takes_are_a_user_config_in_2_x_too(value):
    assert checked({"user_config": value}) == {"user_config": value}


@given(st.text(max_size=12))
def test_a_route_is_accepted_exactly_when_it_is_a_plain_prefix(text):
    good = text == "/" or (text.startswith("/") and not text.endswith("/") and not set(text) & set("{}"))
    if good:
        assert checked({"route_prefix": text}) == {"route_prefix": text}
    else:
        with pytest.raises(ValueError, match=r"^route_prefix"):
            checked({"route_prefix": text})


def test_the_config_of_ray_1_3_is_taken_and_explicit_options_win():
    for config in ({"num_replicas": 3, "user_config": "u"}, BackendConfig(num_replicas=3, user_config="u")):
        assert checked({"config": config, "num_replicas": 4}) == {"num_replicas": 4, "user_config": "u"}


def test_a_deployment_that_scales_by_itself_has_no_fixed_number():
    looked_up = {"num_replicas": 4, **checked({"autoscaling_config": {"max_replicas": 5}})}
    assert "num_replicas" not in backend_config(looked_up).model_fields_set
