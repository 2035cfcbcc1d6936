import ast
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

import serve_compat
from serve_compat.explain.command import explain, explanation, releases
from serve_compat.explain.tables import TABLES, find, plain
from serve_compat.migrate.rules import RULES

ENTRIES = [entry for table in TABLES.values() for entry in table]


@pytest.mark.parametrize("name", serve_compat.__all__)
def test_every_public_name_of_this_package_is_explained(name):
    if name != "install":  # ours, no Ray ever had it
        assert explanation(f"serve.{name}"), name


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
    assert not any(text.endswith((".", ";", ",")) for text in entry[3:])


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
