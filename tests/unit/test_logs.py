"""legacy.logs: whatever a record says, a line that looks like a new record is one."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from legacy import logs

FORGED = "2026-01-01 INFO all is well"
ENDS = ["\n", "\r", "\r\n", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"]


def record(message: str, *args: object, error: BaseException | None = None, path: str = logs.__file__) -> str:
    exc_info = None if error is None else (type(error), error, error.__traceback__)
    made = logging.LogRecord("ray.serve", logging.ERROR, path, 1, message, args, exc_info)
    for each in logs.logger.filters:
        assert each.filter(made)
    return logging.Formatter("%(levelname)s %(message)s").format(made)


@pytest.mark.parametrize("end", ENDS)
def test_neither_an_argument_nor_an_exception_begins_a_line(end):
    said = f"it failed{end}{FORGED}"
    for text in (record("%s", said), record("failed", error=LookupError(said))):
        assert [line for line in text.splitlines() if line.startswith(FORGED)] == []
        assert any(line.endswith(FORGED) for line in text.splitlines())


@given(st.text())
def test_every_further_line_is_marked_and_nothing_steers_a_terminal(text):
    first, *further = record("%s", text, error=ValueError(text)).splitlines()
    assert first.startswith("ERROR ")
    assert all(line.startswith(logs.MARK) for line in further)
    assert all(line.replace("\t", "").isprintable() for line in (first, *further))


class Unprintable(Exception):
    def __str__(self):
        raise RuntimeError


def test_an_argument_that_cannot_be_shown_harms_nobody():
    assert "failed" in record("failed: %s", Unprintable(), error=Unprintable())


def test_what_user_code_logs_there_keeps_its_form():
    assert record("a\nb", path="/home/user/model.py") == "ERROR a\nb"


@pytest.fixture
def library() -> Iterator[logging.Logger]:
    found = logging.getLogger("uvicorn.error")
    yield found
    found.filters.clear()


def test_libraries_are_guarded_where_a_process_is_ours(library):
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    library.addHandler(handler)
    logs.guard_libraries()
    library.error("failed: %s", f"\n{FORGED}")
    library.removeHandler(handler)
    assert stream.getvalue() == f"failed: \n{logs.MARK}{FORGED}\n"
