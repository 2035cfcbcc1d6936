"""The table of generations, value by value (reference: the dialects in one table, and the chapters named beside it)."""

import copy
import pickle
from dataclasses import fields

import pytest
from ray import cloudpickle

from legacy import generations
from legacy.generations import DEPLOYMENT, DEPLOYMENT_1_4, V0_8, V1_0, V1_2, V1_4, V1_13, V2_3, Generation, named

ROWS = (V0_8, V1_0, V1_2, V1_4, DEPLOYMENT)
TABLE = {
    "name": ("0.8", "1.0", "1.2", "1.4", "deployment"),
    "style": ("0.8", "1.0", "client", "module", "deployment"),
    "era": ("0.8", "1.0", "", "", ""),
    # 2.2: starting
    "begins_with_init": (True, False, False, False, False),
    "one_namespace": (False, False, False, False, False),
    "second_start": ("attach", "new", "new", "attach", "attach"),
    # 6.2 and 7: what handlers get, and how handles are called
    "flask_requests": (True, True, False, False, False),
    "strips_prefix": (False, False, False, False, True),
    "call_style": ("keywords", "serve_request", "serve_request", "serve_request", "raw"),
    "json_user_config": (False, False, False, False, True),
    "todays_json": (False, False, False, False, True),
    "data_argument": (None, "request_data", "request_data", None, None),
    "several_arguments": (False, False, False, True, True),
    "methods_as_attributes": (False, False, False, False, True),
    "options_change_handle": (False, True, False, False, False),
    "missing_endpoint_s": (None, None, None, 5.0, None),
    "awaited_once": ("", "", "", "", ""),
    # 3 and 4: backends
    "default_concurrency": (None, None, None, 100, 100),
    "default_cpus": (0, 1, 1, 1, 1),
    "waits_for_resources": (False, False, False, True, True),
    "refuses_batch_size": (True, True, True, False, False),
    "reconfigures_with_falsy": (False, False, False, False, True),
    "reconfigures_alone": (False, False, False, False, True),
    "start_tries": (1, 1, 1, 1, 3),
    "has_versions": (False, False, False, False, True),
    # 5 and 6.1: endpoints
    "noun": ("endpoint", "endpoint", "endpoint", "endpoint", "deployment"),
    "endpoint_before_backend": (True, False, False, False, False),
    "owns_endpoint": (False, False, False, False, True),
    "matching": ("exact", "exact", "exact", "template", "prefix"),
    "run_replaces_all": (False, False, False, False, False),
    "newest_has_route": (False, False, False, False, False),
    "answers_head": (False, False, False, True, True),
    "names_allowed_methods": (True, True, True, False, False),
    "lists_without_route": (True, True, True, False, False),
    "lists_python_methods": (False, False, False, True, True),
    "lists_methods": (True, True, True, True, False),
    "no_prefix_is_default": (False, False, False, False, False),
    # 6.4: headers of HTTP requests
    "headers_steer": (True, True, True, True, False),
}
RESERVED = {
    V0_8: {"detached", "name", "lifetime", "max_restarts", "max_reconstructions"},
    V1_0: {"name", "lifetime", "max_restarts"},
    V1_2: {"name", "lifetime", "max_restarts"},
    V1_4: {"name", "lifetime", "max_restarts", "placement_group"},
}


@pytest.mark.parametrize("attribute", [field.name for field in fields(Generation)])
def test_every_attribute_has_the_value_of_its_generation(attribute):
    if attribute == "reserved_actor_options":
        assert {row: set(row.reserved_actor_options) for row in RESERVED} == RESERVED
        assert set(DEPLOYMENT.reserved_actor_options) > RESERVED[V1_4]
    else:
        assert tuple(getattr(row, attribute) for row in ROWS) == TABLE[attribute]


@pytest.mark.parametrize(
    ("row", "differs"),
    [
        (DEPLOYMENT_1_4, {"headers_steer", "json_user_config", "lists_methods", "no_prefix_is_default", "todays_json"}),
        (V1_13, {"era", "awaited_once", "json_user_config", "todays_json"}),
        (V2_3, {"era", "awaited_once", "one_namespace", "newest_has_route", "run_replaces_all"}),
    ],
)
def test_deployments_of_a_named_era_differ_only_in_what_the_calls_cannot_tell(row, differs):
    different = {field.name for field in fields(row) if getattr(row, field.name) != getattr(DEPLOYMENT, field.name)}
    assert different == {"name", *differs}
    assert (V1_13.awaited_once, V2_3.awaited_once) == ("1", "0")


@pytest.mark.parametrize("row", [each for each in vars(generations).values() if isinstance(each, Generation)], ids=repr)
def test_a_row_is_the_same_object_wherever_it_is_sent(row):
    for dumps in (pickle.dumps, cloudpickle.dumps):
        assert pickle.loads(dumps([row]))[0] is row
        assert len(dumps(row)) < 100  # by name: the rules are not part of what is stored
    assert copy.deepcopy(row) is row
    assert repr(row) == f"Generation({row.name!r})"


def test_the_row_of_another_version_is_an_error():
    with pytest.raises(KeyError):
        named("3.0")
