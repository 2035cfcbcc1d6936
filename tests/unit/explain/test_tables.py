import ast
import importlib
import inspect
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

import serve_compat
from legacy import api
from legacy.client import Client
from legacy.config import AutoscalingConfig, BackendConfig
from legacy.handle import RayServeHandle
from legacy.http_options import HTTPOptions
from legacy.replica.context import ReplicaContext
from legacy.replica.messages import ServeRequest
from serve_compat.deployments import options
from serve_compat.deployments.deployment import Deployment
from serve_compat.explain.command import explain, explanation, releases
from serve_compat.explain.tables import TABLES, close, find, plain
from serve_compat.graph.driver import DAGDriver
from serve_compat.migrate.leftovers import GONE, NEVER
from serve_compat.migrate.rules import RULES
from serve_compat.names.history import NAMES
from serve_compat.names.public import MODULES

ENTRIES = [entry for table in TABLES.values() for entry in table]


_OURS = """
    install queue_timeout_s request_timeout_s max_queued_requests max_buffered_bytes debug trusted_proxies
    max_ongoing_requests unversioned given_options connect further older early_arguments controller_name namespace
    target standby_after_s max_url_bytes max_head_bytes max_headers head_timeout_s body_idle_timeout_s min_upload_rate
    answer_idle_timeout_s
"""
OURS = frozenset(_OURS.split())
"""Names that only this package or today's Ray has, and parameters that stand for others."""
_POSITIONAL = """
    backend_tag endpoint_name endpoint traffic_policy_dictionary proportion config_options backend_config func args
    init_args actor_init_args kwargs name data
"""
POSITIONAL = frozenset(_POSITIONAL.split())
"""Parameters that programs do not write by name."""
HELD = (Deployment, ReplicaContext, RayServeHandle, ServeRequest, DAGDriver, Client)
CONFIGS = (BackendConfig, HTTPOptions, AutoscalingConfig)


def names_of_the_package():
    yield from serve_compat.__all__
    for module in MODULES:
        there = vars(importlib.import_module(f"serve_compat.{module}"))
        yield from (
            f"{module}.{name}"
            for name in there.get("__all__", (name for name in there if name.isupper() and name[0] != "_"))
        )
    for function in (*(getattr(api, name) for name in api.__all__), *vars(Client).values(), RayServeHandle.options):
        if inspect.isfunction(function) and not function.__name__.startswith("_"):
            yield from (name for name in inspect.signature(function).parameters if name not in ("self", *POSITIONAL))
    for held in HELD:
        yield from (f"{held.__name__}.{name}" for name in vars(held) if not name.startswith("_"))
    for config in CONFIGS:
        yield from config.model_fields
    for option in options.TABLE:
        yield from (option.name, *option.others)
    yield from (name for name in GONE if name not in NAMES)


@pytest.mark.parametrize("name", sorted({name for name in names_of_the_package() if name.split(".")[-1] not in OURS}))
def test_every_public_name_option_and_attribute_of_this_package_is_explained(name):
    entries, _ = find(name)
    assert entries, name


@pytest.mark.parametrize("name", sorted(NAMES))
def test_names_that_are_no_part_of_this_package_are_explained(name):
    assert NAMES[name].instead.split()[0] in explanation(name if "." in name else f"serve.{name}")
    assert (name in NEVER) == (not NAMES[name].first and "." not in name)


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ("create_backend", "create_backend"),
        ("client.create_backend(...)", "create_backend"),
        ("ray.serve.set_traffic", "set_traffic"),
        ("serve_compat.get_handle()", "get_handle"),
        ("ray.experimental.serve.init", "init"),
        ("@serve.accept_batch", "accept_batch"),
        ("max_concurrent_queries=5", "max_concurrent_queries"),
        ("ray.get(handle.remote())", "ray.get(handle.remote())"),
        ("ray.get(h.predict.remote(1))", "ray.get(handle.remote())"),
        ("await (await h.remote())", "await (await handle.remote())"),
    ],
)
def test_a_name_is_found_as_programs_write_it(asked, name):
    assert plain(asked) == name
    assert [entry.name for entry in find(asked)[0]] == [name]


def test_a_method_is_found_without_its_class():
    assert [entry.name for entry in find("D.set_options")[0]] == ["Deployment.set_options"]


def test_a_method_is_told_apart_from_a_function_of_that_name_that_never_was():
    entries, names = find("deploy")
    assert [entry.name for entry in entries] == ["Deployment.deploy"]
    assert [(name.name, name.first) for name in names] == [("deploy", "")]


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ("x-serve-shard-key", ["X-SERVE-SHARD-KEY"]),
        ("BackendConfig.num_replicas", ["num_replicas"]),
        ("autoscaling_config.min_replicas", ["min_replicas"]),
        ("flask_request.args", ["request.args"]),
        ("ray.serve.http_adapters.json_request", ["http_adapters.json_request"]),
        ("ray.experimental.serve", ["ray.experimental.serve"]),
        ("serve", []),
    ],
)
def test_an_option_is_found_by_its_owner(asked, names):
    assert [entry.name for entry in find(asked)[0]] == names


def test_a_submodule_shows_what_it_had():
    assert {"context.web", "context.batch_size"} <= {entry.name for entry in find("ray.serve.context")[0]}


def test_a_name_of_a_submodule_is_wrong_only_where_the_package_itself_is_asked_for_it():
    assert find("DAGDriver")[1] == []
    assert [name.name for name in find("serve.DAGDriver")[1]] == ["DAGDriver"]
    assert [entry.name for entry in find("serve.DAGDriver")[0]] == ["drivers.DAGDriver"]


def test_a_method_that_never_was_is_not_taken_for_a_function_of_that_name():
    assert explanation("Deployment.run").startswith("Deployment.run: no Ray ever had it")


def test_what_some_ray_had_is_suggested_before_what_people_guess():
    assert close("creat_backend")[0] == "create_backend"
    assert close("Create_Backnd")[0] == "create_backend"
    assert close("scale_deploymnt") == ["scale_deployment"]


def test_a_name_that_no_ray_ever_had_is_called_so():
    assert "no Ray ever had it" in explanation("serve.router")


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_is_explained(rule):
    assert RULES[rule].title in explanation(rule.lower()).replace("\n" + " " * 16, " ")


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_an_entry_is_complete_and_its_releases_are_in_order(entry):
    def number(text):
        return tuple(99 if part == "x" else int(part) for part in text.split("."))

    assert re.fullmatch(r"\d\.\d+", entry.first)
    assert not entry.last or number(entry.first) <= number(entry.last)
    assert entry.deployment
    assert entry.stock
    assert not any(text.endswith((".", ";", ",")) for text in entry[4:7])
    assert all(text.count("`") % 2 == 0 for text in entry[4:7])
    assert set(entry.rules) <= set(RULES)
    assert entry.name.rpartition(".")[2].partition("(")[0] in entry.before or entry.name.startswith("InputNode.")


def test_no_name_is_told_twice():
    assert len({entry.name for entry in ENTRIES}) == len(ENTRIES)


def test_releases_read_as_a_phrase():
    assert [releases("0.8", "1.7"), releases("0.8", "0.8"), releases("1.3", "")] == [
        "Ray 0.8 to 1.7",
        "Ray 0.8",
        "Ray 1.3 on",
    ]


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["create_endpoint"], 0, "route_prefix"),
        (["create_endpont"], 1, "Did you mean create_endpoint"),
        (["zzzzqqq"], 1, "--list"),
        (["--list"], 0, "Deployment.deploy"),
        ([], 2, "which name?"),
    ],
)
def test_the_exit_status_tells_whether_it_was_explained(arguments, status, words):
    result = CliRunner().invoke(explain, arguments)
    assert result.exit_code == status
    assert words in result.output


def test_it_needs_neither_ray_nor_the_core():
    folder = Path(serve_compat.__file__).parent / "explain"
    for path in folder.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            module = node.module if isinstance(node, ast.ImportFrom) else ""
            assert (module or "").split(".")[0] not in ("ray", "legacy"), path
