"""What `handle.remote()` gives inside a graph's replicas, where Ray 1.13 and 2.x disagree.

    Ray 1.13:  value = await handle.remote(x)            ray.get(handle.remote(x))
    Ray 2.x:   value = await (await handle.remote(x))    ref = await handle.remote(x); ...; value = await ref

`EitherRef` pleases both: it is a real ObjectRef for ray.get, ray.wait and other calls; awaiting it gives the value, and
the value can be awaited once more and then gives itself. For that

- numbers, text, bytes and containers come as instances of a subclass that are equal to, print like and pickle as the
  plain ones; arrays as a view;
- classes written in Python get an `__await__` (in this process), instances are not touched;
- None, bool and other types written in C cannot be helped: they come as they are, and awaiting them raises TypeError.

A program for which that is not enough says which Ray it was written for, with the variable Ray 2.x has for it:
SERVE_DEPLOYMENT_HANDLE_IS_SYNC=1 gives exactly what 1.13 gave, =0 what 2.x gave (`await` gives an ObjectRef).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator
from enum import Enum
from typing import Any

import ray


class Awaited(str, Enum):
    """What awaiting the result of `handle.remote()` gives."""

    EITHER = ""
    VALUE = "1"
    REFERENCE = "0"


class EitherRef(ray.ObjectRef):  # type: ignore[misc]
    """An ObjectRef for programs of both generations; see the module."""

    def __await__(self) -> Generator[Any, None, Any]:
        value = yield from super().__await__()
        return twice_awaitable(value)

    def __reduce__(self) -> tuple[Any, ...]:
        return _itself, (_copied(self, ray.ObjectRef),)  # so that Ray counts the reference as any other


class ReferenceRef(EitherRef):
    """An ObjectRef whose `await` gives a plain ObjectRef, as in Ray 2.x."""

    def __await__(self) -> Generator[Any, None, Any]:
        yield from ()
        return _copied(self, ray.ObjectRef)


_KINDS: dict[Awaited, type] = {Awaited.EITHER: EitherRef, Awaited.REFERENCE: ReferenceRef}


def shown(ref: Any, awaited: Awaited) -> Any:
    """The reference as user code gets it."""
    kind = _KINDS.get(awaited)
    return ref if kind is None or not isinstance(ref, ray.ObjectRef) else _copied(ref, kind)


def twice_awaitable(value: Any) -> Any:
    """The value, or an equal one, which gives itself when it is awaited; the value itself where that cannot be."""
    kind = type(value)
    made = _SUBCLASSES.get(kind)
    if made is not None:
        return made(value)
    if hasattr(kind, "__await__"):
        return value
    numpy = sys.modules.get("numpy")
    if numpy is not None and kind is numpy.ndarray:
        return value.view(_subclass(kind, lambda array: array.view(kind)))
    if numpy is not None and isinstance(value, numpy.number):
        return _subclass(kind, kind)(value)
    try:
        kind.__await__ = _gives_itself
    except (TypeError, AttributeError):  # None, bool and what is written in C
        return value
    return value


def _copied(ref: Any, kind: type) -> Any:
    return kind(ref.binary(), ref.owner_address(), ref.call_site())


def _itself(value: Any) -> Any:
    return value


def _gives_itself(self: Any) -> Generator[Any, None, Any]:
    yield from ()
    return self


def _subclass(base: type, plain: Callable[[Any], Any]) -> Any:
    """The subclass of a built-in type whose instances can be awaited; they pickle and print as plain ones."""
    made = _SUBCLASSES.get(base)
    if made is None:
        body: dict[str, Any] = {
            "__await__": _gives_itself,
            "__reduce_ex__": lambda self, protocol: (_itself, (plain(self),)),
            "__module__": base.__module__,
        }
        if base.__hash__ is None:
            body["__hash__"] = object.__hash__  # asyncio.gather wants its arguments hashable
        if base in (set, frozenset):
            body["__repr__"] = lambda self: repr(plain(self))
        made = type(base.__name__, (base,), body)
    return made


_SUBCLASSES: dict[type, Any] = {}
for _base in (int, float, complex, str, bytes, bytearray, tuple, list, dict, set, frozenset):
    _SUBCLASSES[_base] = _subclass(_base, _base)
