"""Errors of user code as text, for answers and the controller: only the beginning of a long one leaves the replica."""

from __future__ import annotations

import os
import traceback
from types import TracebackType

LONGEST = 8 * 1024  # characters of an error text
LONGEST_TRACE = 16 * 1024

_OURS = os.path.dirname(__file__) + os.sep
_TRACING = os.sep + os.path.join("ray", "util", "tracing") + os.sep  # wraps every method of an actor class


def error_text(error: BaseException) -> str:
    """`KeyError: 'no-such-model'`: the class and message, whatever the user's `__str__` does; the log has all of it."""
    try:
        text = str(error)
    except Exception:  # the user's __str__ is as untrusted as the code that raised the error
        text = "(its message cannot be shown)"
    name = type(error).__name__
    return _cut(f"{name}: {text}" if text else name, LONGEST)


def users_part(trace: TracebackType | None) -> TracebackType | None:
    """The traceback from the first line of user code on; all of it when no user code is in it."""
    part = trace
    while part is not None and _is_ours(part.tb_frame.f_code.co_filename):
        part = part.tb_next
    return trace if part is None else part


def _is_ours(filename: str) -> bool:
    return filename.startswith(_OURS) or _TRACING in filename


def traceback_text(error: BaseException) -> str:
    """The traceback as Python prints it, without the lines of this package above user code; the log has all of it."""
    text = "".join(traceback.format_exception(type(error), error, users_part(error.__traceback__)))
    return _cut(text, LONGEST_TRACE)


def _cut(text: str, longest: int) -> str:
    more = len(text) - longest
    return text if more <= 0 else f"{text[:longest]}... ({more} characters more are in the replica's log)"
