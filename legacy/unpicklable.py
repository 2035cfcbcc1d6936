"""Which part of the user's code or arguments cannot be pickled: parts are pickled, only to explain an error."""

from __future__ import annotations

import contextlib
import inspect
import io
import types
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from ray import cloudpickle

DEEPEST = 10
_NOT_PICKLED = ("__dict__", "__weakref__", "_abc_impl")  # of a class
_SLOTS = (types.GetSetDescriptorType, types.MemberDescriptorType)


def culprit(target: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], error: Exception) -> str:
    """What cannot be pickled, where it was found, and what to do, as text.

    Args:
        target: the function or class.
        args, kwargs: the constructor's arguments.
        error: what pickling all of it raised.
    """
    return culprit_among([*named_arguments(args, kwargs), (_called(target), target)], error)


def named_arguments(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """The arguments of a call, each with what to call it."""
    by_position = ((f"argument {number}", value) for number, value in enumerate(args, 1))
    return [*by_position, *((f"argument {name!r}", value) for name, value in kwargs.items())]


def culprit_among(values: Iterable[tuple[str, Any]], error: BaseException) -> str:
    """The same for values that are not a backend's code, each with what to call it."""
    text = str(error) or type(error).__name__
    for name, value in values:
        if _fails(value):
            where, thing = _innermost(name, value, {}, 0) or (name, value)
            kind = type(thing)
            return (
                f"{text}. It is {where}, of type {kind.__module__}.{kind.__qualname__}; make it in the constructor, "
                "or where it is used, instead of sending it along, and pass what it is made from"
            )
    return text


def _innermost(name: str, value: Any, seen: dict[int, Any], depth: int) -> tuple[str, Any] | None:
    """What fails by itself; None where all that fails in the value leads back to what was looked at already."""
    seen[id(value)] = value
    leads_back = False
    for child_name, child in _parts(name, value) if depth < DEEPEST else ():
        if id(child) in seen:
            leads_back = True
        elif _fails(child):
            found = _innermost(child_name, child, seen, depth + 1)
            if found is not None:
                return found
            leads_back = True
    return None if leads_back else (name, value)


def _fails(value: Any) -> bool:
    try:
        cloudpickle.CloudPickler(_Nowhere(), protocol=5, buffer_callback=lambda _: False).dump(value)
    except Exception:  # what users' objects raise when they are pickled may be anything
        return True
    return False


class _Nowhere(io.RawIOBase):
    def write(self, piece: Any) -> int:
        return len(piece)


def _parts(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """What is pickled with a value, each with what to call it."""
    if isinstance(value, (types.MethodType, classmethod, staticmethod)):
        yield name, value.__func__
        yield f"the object of {name}", getattr(value, "__self__", None)
    elif inspect.isfunction(value):
        yield from _of_function(value)
    elif inspect.isclass(value):
        for key, member in vars(value).items():
            if key not in _NOT_PICKLED and not isinstance(member, _SLOTS):
                yield _called(member) if inspect.isfunction(member) else f"attribute {key!r} of {name}", member
        yield from ((_called(base), base) for base in value.__bases__)
    elif isinstance(value, property):
        yield from ((_called(each), each) for each in (value.fget, value.fset) if each is not None)
    elif isinstance(value, Mapping):
        yield from ((f"a key of {name}", key) for key in value)
        yield from ((f"item {_shown(key)} of {name}", item) for key, item in value.items())
    elif isinstance(value, partial):
        yield _called(value.func), value.func
        yield from ((f"argument {number} of {name}", each) for number, each in enumerate(value.args, 1))
        yield from ((f"argument {key!r} of {name}", each) for key, each in value.keywords.items())
    elif isinstance(value, (list, tuple, set, frozenset, deque)):
        yield from ((f"item {number} of {name}", item) for number, item in enumerate(value))
    else:
        yield from ((f"attribute {key!r} of {name}", item) for key, item in _state(value).items())


def _of_function(function: types.FunctionType) -> Iterator[tuple[str, Any]]:
    called = _called(function)
    for key, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        with contextlib.suppress(ValueError):  # nothing is in it yet
            yield _variable(key, cell.cell_contents, called)
    for key in sorted(set(_names(function.__code__)) & set(function.__globals__)):
        yield _variable(key, function.__globals__[key], called)
    for default in (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()):
        yield f"a default value of {called}", default


def _variable(name: str, value: Any, user: str) -> tuple[str, Any]:
    known = inspect.isfunction(value) or inspect.isclass(value)
    return _called(value) if known else f"variable {name!r} of {user}", value


def _names(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names(constant)


def _state(value: Any) -> Mapping[str, Any]:
    try:
        return dict(vars(value))
    except TypeError:  # it has slots, or is written in C
        return {key: getattr(value, key) for key in getattr(type(value), "__slots__", ()) if hasattr(value, key)}


def _shown(key: Any) -> str:
    try:
        return repr(key)
    except Exception:  # users' objects may fail in any way to be shown
        return f"<{type(key).__qualname__}>"


def _called(value: Any) -> str:
    name: str = getattr(value, "__qualname__", None) or type(value).__qualname__
    return name.rpartition("<locals>.")[2]
