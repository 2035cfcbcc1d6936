import pytest

from legacy.replica.faults import error_text, traceback_text, users_part


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
