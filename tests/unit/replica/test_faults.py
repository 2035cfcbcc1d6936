import re
import traceback

import pytest
from ray.exceptions import ActorUnavailableError, ObjectLostError, RayActorError, RayError, RayTaskError

from legacy.replica.faults import error_text, traceback_text, users_part

GROUP = """+ Exception Group Traceback (most recent call last):
  |   File "/app/model.py", line 3, in predict
  |     raise ExceptionGroup("two", failed)
  | ExceptionGroup: two (2 sub-exceptions)
  +-+---------------- 1 ----------------
    | Traceback (most recent call last):
    |   File "/app/model.py", line 1, in load
    |     {}[key]
    |     ~~^^^^^
    | KeyError: 'a'
    +---------------- 2 ----------------
    | Exception Group Traceback (most recent call last):
    |   File "/app/model.py", line 2, in load
    | ExceptionGroup: one (1 sub-exception)
    +-+---------------- 1 ----------------
      | ValueError: no
      +------------------------------------
"""
IN_GROUP = "KeyError: 'a' ExceptionGroup: one (1 sub-exception) ValueError: no"
NAMES_OF_OURS = ("pid=", "actor_id", "File ", "Traceback", "\x1b")


def raised(error, cause=None):
    """The error with a traceback."""
    try:
        raise error from cause
    except Exception as caught:
        return caught


def of_another_replica(error, *times):
    """What a handle call raises when the replica that it went to raised the error."""
    for _ in range(len(times) + 1):
        trace = "".join(traceback.format_exception(raised(error)))
        where = {
            "proctitle": "ray::Inner.handle",
            "pid": 7,
            "ip": "10.0.0.1",
            "actor_repr": "<Inner>",
            "actor_id": "a1",
        }
        error = RayTaskError("handle", trace, error, **where).as_instanceof_cause()
    return error


class Unprintable(Exception):
    def __str__(self):
        raise ValueError("no text")


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (KeyError("no-such-model"), "KeyError: 'no-such-model'"),
        (ValueError(), "ValueError"),
        (Unprintable(), "Unprintable: (its message cannot be shown)"),
    ],
)
def test_an_error_is_named_by_class_and_message(error, text):
    assert error_text(error) == text


def test_the_traceback_begins_with_user_code():
    try:
        error_text.__globals__["users_part"](5)  # fails inside our file, called from this one
    except AttributeError as error:
        caught = error
    assert users_part(caught.__traceback__) is caught.__traceback__
    ours_only = caught.__traceback__.tb_next
    assert users_part(ours_only) is ours_only
    assert "test_faults.py" in traceback_text(caught)
    assert "AttributeError" in traceback_text(caught)


def test_only_the_beginning_of_a_long_text_leaves_the_replica_and_it_says_how_much_is_missing():
    error = LookupError("out of stock " + "x" * 10_000_000)
    for text, begins in (
        (error_text(error), "LookupError: out of stock x"),
        (traceback_text(error), "LookupError: out"),
    ):
        assert text.startswith(begins)
        assert len(text) < 20_000
        assert text.endswith(" characters more are in the replica's log)")


@pytest.mark.parametrize("times", [(), (1,), (1, 2)])
def test_an_error_of_another_replica_is_named_by_class_and_message_too(times):
    error = of_another_replica(KeyError("missing"), *times)
    assert "actor_id" in str(error)  # which is what Ray says
    assert error_text(error) == "KeyError: 'missing'"


def test_an_error_with_another_replicas_as_its_cause_is_itself():
    error = raised(ValueError("no price"), of_another_replica(KeyError("missing")))
    assert error_text(error) == "ValueError: no price"
    assert error_text(of_another_replica(error)) == "ValueError: no price"


def test_a_message_made_of_another_error_has_its_class_and_message_only():
    inner = of_another_replica(KeyError("missing"), 1)
    said = error_text(RuntimeError(f"the model failed: {inner}; try again"))
    assert said.startswith("RuntimeError: the model failed: KeyError: 'missing'")
    assert said.endswith("; try again")
    for text in (said, error_text(RuntimeError("".join(traceback.format_exception(raised(KeyError("missing"))))))):
        assert not [name for name in NAMES_OF_OURS if name in text], text


@pytest.mark.parametrize("before", ["failed: ", "failed: \x1b[36mray::Inner.handle()\x1b[39m (pid=7, ip=10.0.0.1)\n  "])
def test_a_message_made_of_a_group_of_errors_has_the_class_and_message_of_each(before):
    told = error_text(RuntimeError(before + GROUP))  # as text, since Python 3.10 has no groups
    assert told.split() == f"RuntimeError: failed: ExceptionGroup: two (2 sub-exceptions) {IN_GROUP}".split()


def test_an_error_that_could_not_be_pickled_is_still_named():
    class Local(Exception):
        def __reduce__(self):
            raise TypeError("not this one")

    said = error_text(of_another_replica(Local("no")))
    assert "Local isn't serializable" in said
    assert not [name for name in NAMES_OF_OURS if name in said], said


def test_of_rays_own_errors_only_the_first_line_is_told():
    error = RayError("The actor died unexpectedly.\n\tclass_name: Inner\n\tactor_id: a1\n\tpid: 7")
    assert error_text(error) == "RayError: The actor died unexpectedly."
    assert "pid" not in error_text(RayActorError())


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (
            ActorUnavailableError("RpcError: ipv4:10.0.0.1:7: refused", b"\x1a" * 16),
            "ActorUnavailableError: the replica or actor that was called cannot be reached now, and may or may not",
        ),
        (ObjectLostError("ab" * 28, None, "x"), "ObjectLostError: Failed to retrieve object."),
        (RayError(f"Task: TaskID({'ab' * 24}) was cancelled."), "RayError: Task: was cancelled."),
    ],
)
def test_ids_and_addresses_in_rays_own_errors_are_not_told(error, text):
    said = error_text(error)
    assert said.startswith(text)
    assert not re.search(r"[0-9a-f]{16}|\d+\.\d+\.\d+", said)


def test_looking_for_traces_takes_no_time_worth_mentioning_whatever_the_text():
    groups = (GROUP + " " * 10**6, GROUP + " |\n" * 10**6)
    texts = ("\x1b[36m" * 10**6, "Traceback (most recent call last):" * 10**6, " \n" * 10**6, "x (pid=" * 10**6)
    for text in (*texts, *groups):
        assert len(error_text(ValueError(text))) < 10_000
