"""Errors of user code as text: for answers, logs and the controller."""

from __future__ import annotations

import os
import traceback
from types import TracebackType

_OURS = os.path.dirname(__file__) + os.sep
_TRACING = os.sep + os.path.join("ray", "util", "tracing") + os.sep  # wraps every method of an actor class


def error_text(error: BaseException) -> str:
    """`KeyError: 'no-such-model'`: the class and message, whatever the user's `__str__` does."""
    try:
        text = str(error)
    except Exception:  # the user's __str__ is as untrusted as the code that raised the error
        text = "(its message cannot be shown)"
    name = type(error).__name__
    return f"{name}: {text}" if text else name


def users_part(trace: TracebackType | None) -> TracebackType | None:
    """The traceback from the first line of user code on; all of it when no user code is in it."""
    part = trace
    while part is not None and _is_ours(part.tb_frame.f_code.co_filename):
        part = part.tb_next
    return trace if part is None else part


def _is_ours(filename: str) -> bool:
    return filename.startswith(_OURS) or _TRACING in filename


def traceback_text(error: BaseException) -> str:
    """The traceback as Python prints it, without the lines of this package above user code."""
    return "".join(traceback.format_exception(type(error), error, users_part(error.__traceback__)))
