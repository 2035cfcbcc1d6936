"""From the user's function or class and its constructor's arguments to what is sent to the controller."""

from __future__ import annotations

from pickle import PicklingError
from typing import Any

import ray
from ray.exceptions import ObjectStoreFullError

from legacy.errors import RayServeException
from legacy.large_code import LARGE, MOST, MOST_CONFIG, LargeCode, TooLargeError
from legacy.replica.code_pickle import pickled
from legacy.unpicklable import culprit


def packed(what: str, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bytes | LargeCode:
    """The code as bytes or, where it is large, a reference to it in Ray's object store.

    Args:
        what: whose code it is, for errors: "backend 'tag'".

    Raises:
        ValueError: it has more than `MOST` bytes; nothing was sent.
        TypeError, PicklingError: something in it cannot be pickled, which the error names.
        RayServeException: Ray's object store has no room for it.
    """
    try:
        code = pickled(target, args, kwargs, MOST)
    except TooLargeError:
        raise ValueError(_too_large(what, args, kwargs)) from None
    except Exception as error:  # what users' objects raise when they are pickled may be anything
        kind = PicklingError if isinstance(error, PicklingError) else TypeError
        raise kind(f"{what} cannot be sent to its replicas: {culprit(target, args, kwargs, error)}") from error
    if code.size <= LARGE:
        return bytes(code.stream)
    try:
        return LargeCode(code.size, ref=ray.put(code))
    except ObjectStoreFullError as error:
        raise RayServeException(
            f"{what} has {code.size:,} bytes of code and arguments, for which Ray's object store has no room; give it "
            "more with ray.init(object_store_memory=...), or save the model to a file that replicas can read, and "
            f"pass its path: {error}"
        ) from error


def check_user_config(tag: str, user_config: Any) -> None:
    """ValueError for a user_config of more than `MOST_CONFIG` bytes, before anything of it is sent."""
    try:
        pickled(user_config, (), {}, MOST_CONFIG)
    except TooLargeError:
        raise ValueError(
            f"the user_config of {tag!r} has more than the {MOST_CONFIG:,} bytes that may be sent; save what is large "
            "in it to a file that replicas can read and pass its path, or pass it to the constructor, whose arguments "
            f"may have {MOST:,} bytes"
        ) from None
    except Exception:  # what users' objects raise may be anything, and is told when the command cannot be sent
        return


def _too_large(what: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    named = [*((f"argument {number}", value) for number, value in enumerate(args, 1)), *kwargs.items()]
    known = [(name, value, value.nbytes) for name, value in named if isinstance(getattr(value, "nbytes", None), int)]
    largest = max(known, key=lambda each: each[2], default=None)
    said = f"; {largest[0]}, a {type(largest[1]).__name__}, has {largest[2]:,} bytes" if largest else ""
    return (
        f"{what} has more code and arguments than the {MOST:,} bytes that may be sent{said}. Save the model to a file "
        "that replicas can read, pass its path, and load it in the constructor"
    )
