"""The programs in examples/ run unmodified and do what they say."""

from __future__ import annotations

import re

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
