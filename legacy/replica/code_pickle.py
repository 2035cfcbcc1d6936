"""The user's code as a pickle: cloudpickle, and ASGI applications, of which a replica has one, however reached."""

from __future__ import annotations

import functools
import importlib
import io
import pickle
from types import FunctionType, ModuleType
from typing import Any, Protocol

from pydantic import BaseModel
from ray import cloudpickle

from legacy.large_code import MOST, Pickled, Sink
from legacy.replica import asgi_parts


class ServedApp(Protocol):
    """What `@serve.ingress` leaves on a class, as `__serve_app__`.

    Attributes:
        app: the application.
    """

    app: Any

    def states(self) -> dict[int, dict[str, Any]]:
        """What the parts of the application hold in replicas, by the identity of the part."""

    def containers(self) -> dict[int, Any]:
        """What stands for lists, dicts and sets that the parts hold now, by their identity."""


def pickled(target: Any, args: tuple[Any, ...], kwargs: dict[str, Any], most: int = MOST) -> Pickled:
    """A function, class or import path and the constructor's arguments.

    Args:
        most: bytes.

    Raises:
        TooLargeError: it has more.
        Exception: whatever the pickling of the user's objects raises.
    """
    sink = Sink(most)
    served: ServedApp | None = getattr(target, "__serve_app__", None)
    pickler = _Pickler(sink) if served is None else _ServedPickler(sink, served)
    pickler.dump((target, args, kwargs))
    if not pickler.has_parts:
        return sink.pickled()
    whole = Sink(most)
    code = _Code(tuple(pickler.modules), sink.pickled())
    cloudpickle.Pickler(whole, protocol=5, buffer_callback=whole.keep_inside).dump(code)
    return whole.pickled()


def unpacked(code: bytes | Pickled) -> tuple[Any, tuple[Any, ...], dict[str, Any]]:
    """The user's function, class or import path, and the constructor's arguments, as they were registered."""
    if isinstance(code, Pickled):
        # copies: Ray's own memory is read-only, and is wanted back
        buffers = [bytearray(view) if writable else bytes(view) for view, writable in code.buffers]
        target, args, kwargs = cloudpickle.loads(code.stream, buffers=buffers)
    else:
        target, args, kwargs = cloudpickle.loads(code)
    return target, tuple(args), dict(kwargs)


class _Code:
    """Pickles as a call of `_load`."""

    def __init__(self, modules: tuple[str, ...], body: Pickled) -> None:
        self._modules, self._body = modules, body

    def __reduce__(self) -> tuple[Any, ...]:
        beside = [pickle.PickleBuffer(buffer) for buffer, _ in self._body.buffers]
        return _load, (self._modules, bytes(self._body.stream), beside)


def _load(modules: tuple[str, ...], body: bytes, beside: list[Any]) -> Any:
    # What the body takes from modules is imported first: then it is known whose applications are those of modules.
    for module in modules:
        importlib.import_module(module)
    return _Unpickler(io.BytesIO(body), buffers=beside).load()


class _Pickler(cloudpickle.Pickler):
    """Attributes:
    has_parts: whether there was a part of an ASGI application.
    modules: those that the code is imported from, in order.
    """

    def __init__(self, sink: Sink, app: Any = None) -> None:
        super().__init__(sink, protocol=5, buffer_callback=sink.keep_inside)
        self.has_parts = False
        self.modules: dict[str, None] = {}
        self._app = app
        self._is_part: dict[type, bool] = {}

    def reducer_override(self, obj: Any) -> Any:
        """How objects are written that are no plain data."""
        kind = type(obj)
        if kind not in self._is_part:
            self._is_part[kind] = asgi_parts.is_part(kind)
        if self._is_part[kind]:
            self.has_parts = True
            return asgi_parts.reduced(obj, self.state_of(obj), self._names.get(id(obj), ()))
        if obj is self._app and not isinstance(obj, (type, FunctionType)):
            return asgi_parts.reduced_application(obj, self._names.get(id(obj), ())) or NotImplemented
        how = super().reducer_override(obj)
        if how is NotImplemented and isinstance(obj, (type, FunctionType)):
            self.modules.setdefault(obj.__module__ or __name__)  # some functions do not know theirs
        elif isinstance(obj, type) and issubclass(obj, BaseModel) and obj.__pydantic_complete__:
            # the local variables of the function that defined it, whatever they are; it needs them no more
            how[2][0]["__pydantic_parent_namespace__"] = None
        elif kind is ModuleType:
            self.modules.setdefault(obj.__name__)
        return how

    def state_of(self, part: Any) -> dict[str, Any] | None:
        """What is written of a part that holds something; None for what it holds."""
        return None

    @functools.cached_property
    def _names(self) -> dict[int, list[asgi_parts.Name]]:
        return asgi_parts.names_in_modules(self._app)


class _ServedPickler(_Pickler):
    """For a class that is an application: its parts hold what they held when the class was decorated."""

    def __init__(self, sink: Sink, served: ServedApp) -> None:
        super().__init__(sink, served.app)
        self._states = served.states()
        self._containers = served.containers()
        self.has_parts = True

    def state_of(self, part: Any) -> dict[str, Any] | None:
        """What it held then."""
        return self._states.get(id(part))

    def persistent_id(self, obj: Any) -> Any:
        """What stands for it, if something does."""
        return self._containers.get(id(obj))


class _Unpickler(pickle.Unpickler):
    def persistent_load(self, obj: Any) -> Any:
        """What stands for an object is there in full."""
        return obj
