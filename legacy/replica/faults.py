"""Errors of user code as text, for answers and the controller: only the beginning of a long one leaves the replica.

An error of another replica or task comes as Ray's, whose text is that one's traceback with its process and paths. What
counts is the error itself, by class and message, also where somebody has put Ray's text into a message of their own.
"""

from __future__ import annotations

import os
import re
import traceback
from types import TracebackType

from ray.exceptions import ActorUnavailableError, RayError, RayTaskError

LONGEST = 8 * 1024  # characters of an error text
LONGEST_TRACE = 16 * 1024

_NESTED = 100  # replicas that an error has passed through
_SEARCHED = 256 * 1024  # characters of a text in which tracebacks are looked for
_AWAY = "the replica or actor that was called cannot be reached now, and may or may not have run the call"
_ID = re.compile(r" ?(?:\b\w+ID\()?\b[0-9a-f]{32,}\b\)?")  # of an actor, object, task or node
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_TRACE = re.compile(  # as Python begins one, or as Ray does; then the lines of its frames
    r"(?:Traceback \(most recent call last\):|\x1b\[36m[^\n\x1b]{0,999}\x1b\[39m \(pid=[^\n]*\))\n(?:[ \t][^\n]*\n?)*"
    r"(?:ray\.exceptions\.RayTaskError\(\w+\): )?"  # one more replica that it passed through
)
_GROUP = "+ Exception Group Traceback (most recent call last):\n"
_OF_GROUP = re.compile(  # what Python draws around the errors of a group, and the lines of frames
    r"(?:^ *)?\+ Exception Group Traceback \(most recent call last\):\n|^ *\+-[-+. \d]*\n?|"
    r"^ *\| (?: [^\n]*\n|(?:Exception Group )?Traceback \(most recent call last\):\n)?",
    re.MULTILINE,
)
_OURS = os.path.dirname(__file__) + os.sep
_TRACING = os.sep + os.path.join("ray", "util", "tracing") + os.sep  # wraps every method of an actor class


def error_text(error: BaseException) -> str:
    """`KeyError: 'no-such-model'`: the class and message, whatever the user's `__str__` does; the log has all of it."""
    error = _first_cause(error)
    try:
        text = str(error)
    except Exception:  # the user's __str__ is as untrusted as the code that raised the error
        text = "(its message cannot be shown)"
    if isinstance(error, RayError):
        text = _AWAY if isinstance(error, ActorUnavailableError) else _ID.sub("", text.strip().partition("\n")[0])
    text = _without_traces(text)
    name = type(error).__name__
    return _cut(f"{name}: {text}" if text else name, LONGEST)


def _first_cause(error: BaseException) -> BaseException:
    """The error that user code raised, wherever it ran."""
    for _ in range(_NESTED):
        cause = getattr(error, "cause", None) if isinstance(error, RayTaskError) else None
        if not isinstance(cause, BaseException):
            break
        error = cause
    return error


def _without_traces(text: str) -> str:
    part, rest = text[:_SEARCHED], text[_SEARCHED:]
    if _GROUP in part:
        part = _OF_GROUP.sub("", part)
    return _COLOUR.sub("", _TRACE.sub("", part)) + rest


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
    return _cut(_COLOUR.sub("", text), LONGEST_TRACE)


def _cut(text: str, longest: int) -> str:
    more = len(text) - longest
    return text if more <= 0 else f"{text[:longest]}... ({more} characters more are in the replica's log)"
