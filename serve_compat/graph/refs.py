"""What `handle.remote()` gives inside a graph's replicas, where Ray 1.13 and 2.x disagree.

    Ray 1.13:  value = await handle.remote(x)            ray.get(handle.remote(x))
    Ray 2.x:   value = await (await handle.remote(x))    ref = await handle.remote(x); ...; value = await ref

`EitherRef` pleases both: it is a real ObjectRef for ray.get, ray.wait and other calls; awaiting it gives the value, and
the value can be awaited once more and then gives itself. For that

- numbers, text, bytes, containers and numpy arrays come as instances of a subclass, which compare to, print like and
  pickle as the plain ones;
- classes written in Python get an `__await__` (in this process), instances are not touched;
- None, bool and other types written in C cannot be helped: they come as they are, and awaiting them raises TypeError.

A program for which that is not enough says which Ray it was written for, with the variable Ray 2.x has for it:
SERVE_DEPLOYMENT_HANDLE_IS_SYNC=1 gives exactly what 1.13 gave, =0 what 2.x gave (`await` gives an ObjectRef).
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Generator
from enum import Enum
from typing import Any

import ray


class Awaited(str, Enum):
    """What awaiting the result of `handle.remote()` gives."""

    EITHER = ""
    VALUE = "1"
    REFERENCE = "0"

    @classmethod
    def _missing_(cls, value: object) -> Any:
        raise ValueError(
            f"SERVE_DEPLOYMENT_HANDLE_IS_SYNC={value!r}: set it to 1 (Ray 1.13) or 0 (Ray 2.x), or unset it"
        )


class EitherRef(ray.ObjectRef):
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
_BUILT_IN = (int, float, complex, str, bytes, bytearray, tuple, list, dict, set, frozenset)


def shown(ref: Any, awaited: Awaited) -> Any:
    """The reference as user code gets it."""
    kind = _KINDS.get(awaited)
    return ref if kind is None else _copied(ref, kind)


def twice_awaitable(value: Any) -> Any:
    """The value, or an equal one, which gives itself when it is awaited; the value itself where that cannot be."""
    kind: Any = type(value)
    if kind in _BUILT_IN:
        return _subclass(kind)(value)
    if hasattr(kind, "__await__"):
        return value
    numpy = sys.modules.get("numpy")  # whoever gives a numpy value has imported numpy
    if numpy is not None and kind is numpy.ndarray:
        return value.view(_array_class(kind))
    if numpy is not None and isinstance(value, numpy.number):
        return _subclass(kind)(value)
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


@functools.cache
def _subclass(base: Any) -> Any:
    """The subclass of a built-in or numpy number type whose instances can be awaited."""
    body: dict[str, Any] = {
        "__await__": _gives_itself,
        "__reduce_ex__": lambda self, protocol: (base, (base(self),)),
        "__repr__": lambda self: repr(base(self)) if base in (set, frozenset, bytearray) else base.__repr__(self),
        "__hash__": base.__hash__ or object.__hash__,  # asyncio.gather wants its arguments hashable
        "__module__": base.__module__,
    }
    return type(base.__name__, (base,), body)


@functools.cache
def _array_class(array: Any) -> Any:
    """The same for numpy arrays; what is computed from one is a plain array or number again."""

    def wrapped(self: Any, out: Any, context: Any = None, return_scalar: bool = False) -> Any:
        return out.view(array)[()]

    body = {
        "__await__": _gives_itself,
        "__reduce_ex__": lambda self, protocol: self.view(array).__reduce_ex__(protocol),
        "__repr__": lambda self: repr(self.view(array)),
        "__hash__": object.__hash__,
        "__array_wrap__": wrapped,
        "__module__": array.__module__,
    }
    return type(array.__name__, (array,), body)
