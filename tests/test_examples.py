"""The programs in examples/ run unmodified and do what they say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.programs import ROOT, run_program


@pytest.fixture(scope="module")
def canary_digits() -> str:
    return run_program(ROOT / "examples" / "canary_digits.py")


def test_the_demo_imports_ray_serve_as_old_programs_do():
    source = (ROOT / "examples" / "canary_digits.py").read_text()
    assert "from ray import serve" in source
    assert not re.search(r"serve_compat|legacy", source)


def test_the_demo_answers_over_http_and_through_a_handle(canary_digits):
    expected = re.search(r"an image of a (\d)", canary_digits).group(1)
    answer = f"{{'model': 'linear', 'digit': {expected}}}"
    assert f"over HTTP:        {answer}" in canary_digits
    assert f"through a handle: {answer}" in canary_digits


def test_the_demo_splits_traffic_by_the_weights(canary_digits):
    share = int(re.search(r"svm answered (\d+) of 450", canary_digits).group(1))
    assert 48 <= share <= 132  # 90 expected, 5 standard deviations either way


def test_the_demo_ends_with_the_better_model_alone(canary_digits):
    assert "svm answered 450 of 450 requests, 99.6% right" in canary_digits
    assert canary_digits.rstrip().endswith("backends now: svm")


def test_every_example_is_executed_here():
    source = Path(__file__).read_text()
    names = sorted(path.stem for path in (ROOT / "examples").glob("*.py"))
    assert [name for name in names if f'"{name}.py"' not in source] == []


def test_module_functions_serve_a_route_with_a_parameter_and_take_new_settings():
    assert run_program(ROOT / "examples" / "module_routes.py").splitlines() == [
        "today: {'item': 'tea', 'price': 300} {'item': 'cake', 'price': 500}",
        "sale:  {'item': 'tea', 'price': 270} {'item': 'cake', 'price': 450}",
        "not for POST: 405",
        "backends: ['prices'] endpoints: ['price']",
    ]


def test_deployments_call_each_other_and_change_their_version():
    assert run_program(ROOT / "examples" / "deployment_words.py").splitlines() == [
        "version 1: {'words': 6}",
        "version 2: {'letters': 18}",
        "by handle: {'letters': 3}",
        "FastAPI checks the arguments: 422",
        "deployed: ['Counter', 'Words']",
    ]


def test_a_composed_graph_answers_over_http_and_by_handle():
    assert run_program(ROOT / "examples" / "graph_review.py").splitlines() == [
        "{'opinion': 'likes it', 'words': 5}",
        "{'opinion': 'dislikes it', 'words': 5}",
        "{'opinion': 'is undecided', 'words': 4}",
        "by handle: {'opinion': 'likes it', 'words': 1}",
    ]


def test_two_generations_share_an_endpoint():
    assert run_program(ROOT / "examples" / "mixed_styles.py").splitlines() == [
        "1. the backend alone:          [('old', 20)]",
        "2. copies to the deployment:   [('old', 20)]",
        "   the deployment saw 20 requests, nobody saw its answers",
        "3. half of them to each:       ['new', 'old']",
        "4. the deployment alone:       [('new', 20)]",
    ]


def test_a_canary_is_taken_back_when_it_fails_and_takes_over_when_it_is_good():
    broken, good = run_program(ROOT / "examples" / "canary_rollout.py").split("2. A good version")
    assert "too many errors, back to stable\n   rolled out: False\n   after it: {'stable'}" in broken
    assert good.count("to the canary: fine") == 4
    assert good.endswith("rolled out: True\n   after it: {'canary'}\n")


@pytest.fixture(scope="module")
def names_0_8() -> str:
    pytest.importorskip("werkzeug")
    return run_program(ROOT / "examples" / "names_0_8.py")


def test_a_program_of_0_8_answers_over_http_and_through_a_handle(names_0_8):
    assert "over HTTP:        {'text': 'Hello, Ada!', 'greeted': 1}" in names_0_8
    assert "through a handle: {'text': 'Hello, Grace!', 'greeted': 2}" in names_0_8
    assert "a JSON body:      4" in names_0_8


def test_a_program_of_0_8_splits_traffic_and_counts(names_0_8):
    assert "after the split:  ['Good day, Ada!', 'Hello, Ada!']" in names_0_8
    assert "serve.stat:       61 requests to /greet" in names_0_8
