"""legacy.errors: every error keeps its text, its type and its HTTP status on the way through a pickle."""

from __future__ import annotations

import inspect
import pickle

import pytest

from legacy import errors
from legacy.errors import RayServeException

ALL = [each for _, each in inspect.getmembers(errors, inspect.isclass) if issubclass(each, Exception)]


@pytest.mark.parametrize("error", ALL)
def test_every_error_pickles_to_the_same_text_and_type(error):
    original = error("what was asked, what is there, what to do")
    copy = pickle.loads(pickle.dumps(original))
    assert type(copy) is error
    assert str(copy) == str(original) == "what was asked, what is there, what to do"
    assert (copy.status, copy.retry_after_s) == (original.status, original.retry_after_s)


@pytest.mark.parametrize("error", ALL)
def test_every_error_is_a_ray_serve_exception_with_a_status_and_a_docstring(error):
    assert issubclass(error, RayServeException)
    assert 500 <= error.status <= 599
    assert error.__doc__


def test_only_errors_that_pass_by_themselves_say_when_to_come_back():
    assert {each.__name__ for each in ALL if each.retry_after_s} == {
        "QueueFullError",
        "DeadlineError",
        "NoBackendError",
    }
    assert all(each.status == 503 for each in ALL if each.retry_after_s)


def test_the_base_is_a_plain_exception_as_in_every_original():
    assert RayServeException.__bases__ == (Exception,)


def test_a_failed_start_is_also_a_runtime_error():
    assert issubclass(errors.BackendStartError, RuntimeError)
