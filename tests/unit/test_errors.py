"""legacy.errors: every error keeps its text, its type and its HTTP status on the way through a pickle."""

from __future__ import annotations

import inspect
import pickle

import pytest
from ray import cloudpickle
from ray.exceptions import RayTaskError

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
    assert {each for each in ALL if each.retry_after_s} == {
        errors.QueueFullError,
        errors.DeadlineError,
        errors.EndpointMissingError,
        errors.NoBackendError,
    }
    assert all(each.status == 503 for each in ALL if each.retry_after_s)


def test_the_base_is_a_plain_exception_as_in_every_original():
    assert RayServeException.__bases__ == (Exception,)


def test_a_failed_start_is_also_a_runtime_error():
    assert issubclass(errors.BackendStartError, RuntimeError)


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (errors.InstanceError, "RayServeException"),
        (errors.NameTakenError, "RayServeException"),
        (errors.MethodMissingError, "RayServeException"),
        (errors.EndpointMissingError, "RayServeException"),
        (errors.ResourcesError, "RayServeException"),
        (errors.EnvironmentFailedError, "RayServeException"),
        (errors.EnvironmentMissingError, "ValueError"),
        (errors.BackendStartError, "RuntimeError"),
        (errors.BackendHealthError, "RuntimeError"),
        (errors.BackendEnvironmentError, "RuntimeError"),
    ],
)
def test_programs_see_the_name_of_the_originals_class(error, name):
    raised = error("why")
    assert (type(raised).__name__, repr(raised)) == (name, f"{name}('why')")
    assert type(pickle.loads(pickle.dumps(raised))) is type(cloudpickle.loads(cloudpickle.dumps(raised))) is error
    seen = RayTaskError("f", "trace", raised).as_instanceof_cause()
    assert isinstance(seen, error)
    assert type(seen).__name__ == f"RayTaskError({name})"


def test_a_subclass_of_a_users_own_keeps_its_name_and_pickles():
    assert type(pickle.loads(pickle.dumps(OwnError("x")))) is OwnError
    assert OwnError.__name__ == "OwnError"


class OwnError(errors.InstanceError):
    pass
