"""Errors of user code on their way to the caller of a handle, as Ray sends them: pickled, with their trace in UTF-8.

One that cannot be sent so would end as an error of Ray's that names neither its class nor its message, or would end the
replica: Ray writes the trace of the error down and fails where that has half a surrogate pair, as paths may have.
"""

from __future__ import annotations

import traceback

from ray import cloudpickle
from ray.exceptions import RayError


def portable(error: Exception) -> Exception:
    """The error itself where it arrives as it is; else one of its name and text, and of its first builtin class."""
    return error if isinstance(error, RayError) or _arrives(error) else _stand_in(error)


def _arrives(error: Exception) -> bool:
    try:
        "".join(traceback.format_exception(error, limit=0)).encode()  # messages and causes; source lines cost 0.2 ms
        str(cloudpickle.loads(cloudpickle.dumps(error)))
    except Exception:  # user classes may fail in any way to be pickled or read
        return False
    return True


def _stand_in(error: Exception) -> Exception:
    try:
        text = str(error).encode("utf-8", "backslashreplace").decode()
    except Exception:  # __str__ is the user's code, which may fail in any way
        text = "(its message cannot be shown)"
    builtin = next(base for base in type(error).__mro__ if base.__module__ == "builtins")
    arguments = BaseException.__dict__["args"].__get__(error)  # `error.args` may be the user's
    for base, given in ((builtin, text), (builtin, next(iter(arguments), "")), (Exception, text)):
        made = type(type(error).__name__, (base,), {"__module__": type(error).__module__})
        try:
            stand_in: Exception = made(given)
            if str(stand_in) == text and _arrives(stand_in):
                return stand_in
        except Exception:  # some builtin errors take more than a text, and say so in several ways
            continue
    return RuntimeError(f"{type(error).__name__}: {text}")
