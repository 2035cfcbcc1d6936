"""How the parts of Starlette and FastAPI applications are pickled: applications, routers, states and routes.

They are not picklable as they are: FastAPI's routes hold compiled validators, included routers a lock. So its routes
are written down as the arguments they were made with. They are made anew from them when they are first used: that looks
at the signatures of the user's functions, which may not be there in full before the pickle is read to its end.
"""

from __future__ import annotations

import dataclasses
import inspect
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from types import MethodType
from typing import Any

from ray import cloudpickle
from starlette.applications import Starlette
from starlette.datastructures import State
from starlette.routing import Router

Reduced = tuple[Any, ...]
Name = tuple[str, str]
"""A module and the name of a global in it."""

FRAMEWORKS = ("fastapi", "starlette")
HOLDERS = (Starlette, Router, State)
"""Whatever an application is told is kept in one of these."""

_ROUTES = {"APIRoute", "APIWebSocketRoute", "_IncludedRouter"}
_LOCKS: dict[type, Callable[[], Any]] = {type(make()): make for make in (threading.Lock, threading.RLock)}
_ARGUMENTS, _FUNCTION = "_serve_arguments", "_serve_function"  # attributes of routes
_CLASS = "_serve_class"  # of classes of routes
_waiting: dict[type, type] = {}  # the classes of routes that are not made yet
_taken: dict[int, Any] = {}  # the objects of modules that serve in this process


def is_framework(obj: Any) -> bool:
    """Whether a function or class was written in FastAPI or Starlette."""
    module = getattr(obj, "__module__", None) or ""
    return module.partition(".")[0] in FRAMEWORKS


def is_frame(kind: type) -> bool:
    """Whether a class is one of FastAPI's or Starlette's, or derived from one."""
    return any(is_framework(base) for base in kind.__mro__)


def is_route(kind: type) -> bool:
    """Whether it is a class of FastAPI's that is made from its arguments: API routes and included routers."""
    return any(base.__module__ == "fastapi.routing" and base.__name__ in _ROUTES for base in kind.__mro__)


def is_part(kind: type) -> bool:
    """Whether its instances are written by `reduced`."""
    return issubclass(kind, HOLDERS) or is_route(kind)


def arguments_of(route: Any) -> dict[str, Any]:
    """The arguments that make such a route of FastAPI's."""
    waiting: dict[str, Any] | None = vars(route).get(_ARGUMENTS)
    if waiting is not None:
        return waiting
    if dataclasses.is_dataclass(route):
        names = [field.name for field in dataclasses.fields(route) if not field.name.startswith("_")]
        return {name: getattr(route, name) for name in names}
    made_by = next(base for base in type(route).__mro__ if base.__module__ == "fastapi.routing")
    names = [name for name in inspect.signature(made_by.__init__).parameters if hasattr(route, name)]  # type: ignore[misc]
    arguments = {name: getattr(route, name) for name in names}
    if getattr(route, "stream_item_type", None) is not None:
        arguments.pop("response_model", None)  # FastAPI works both out from the annotation, or neither
    if _FUNCTION in vars(route):
        arguments["endpoint"] = vars(route)[_FUNCTION]
    return arguments


def make(route: Any, **changed: Any) -> None:
    """Make such a route, or make it again, in place.

    Args:
        changed: arguments that are others than so far.
    """
    arguments = {**arguments_of(route), **changed}
    route.__class__ = _class_of(route)
    vars(route).pop(_ARGUMENTS, None)
    route.__init__(**arguments)


def bind(route: Any, function: Any, instance: Any) -> None:
    """Make a route that calls a method of that instance; other processes get it without the instance."""
    make(route, endpoint=MethodType(function, instance))
    vars(route)[_FUNCTION] = function


def complete(route: Any) -> None:
    """Make it, if it still waits for that."""
    if _ARGUMENTS in vars(route):
        make(route)


def reduced(part: Any, state: Mapping[str, Any] | None = None, names: Iterable[Name] = ()) -> Reduced:
    """What a pickler writes for a part.

    Args:
        state: what a holder holds, if that is not what it holds now.
        names: where modules name it, so that it is theirs where they are imported.
    """
    kind = _class_of(part)
    if is_route(kind):
        return _found_or_made, (tuple(names), kind, _empty, (kind,)), arguments_of(part), None, None, _wait
    held = with_new_locks(vars(part) if state is None else state)
    return _found_or_made, (tuple(names), kind, _empty, (kind,)), held, None, None, _hold


def register(part: Any) -> None:
    """Have Ray's pickler write all parts of that class, in arguments of tasks, too."""
    cloudpickle.Pickler.dispatch_table[type(part)] = reduced


def reduced_application(app: Any, names: Iterable[Name]) -> Reduced | None:
    """The same for an application of the user's own kind; None when it is a global by itself."""
    usual = app.__reduce_ex__(4)
    if isinstance(usual, str):
        return None
    function, arguments, *rest = usual
    return (_found_or_made, (tuple(names), type(app), function, arguments), *rest)


def with_new_locks(state: Mapping[str, Any]) -> dict[str, Any]:
    """The state with a lock that is free for every lock in it."""
    return {name: _NewLock(value) if type(value) in _LOCKS else value for name, value in state.items()}


def take(part: Any) -> None:
    """From now on it serves: what is unpickled later in this process is another object, whatever module names it."""
    _taken[id(part)] = part


def names_in_modules(app: Any) -> dict[int, list[Name]]:
    """The globals of this program's modules that hold what an application is told, or are `app`, by identity."""
    found: dict[int, list[Name]] = {}
    for module_name, module in list(sys.modules.items()):
        if module_name == "__main__":
            continue
        for name, value in list((getattr(module, "__dict__", None) or {}).items()):
            if issubclass(type(value), HOLDERS) or (value is app and app is not None):
                found.setdefault(id(value), []).append((module_name, name))
    return found


class _NewLock:
    def __init__(self, lock: Any) -> None:
        self._kind = type(lock)

    def __reduce__(self) -> Reduced:
        return _LOCKS[self._kind], ()


def _found_or_made(names: Iterable[Name], kind: type, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    for module, name in names:
        found = getattr(sys.modules.get(module), name, None)
        if type(found) is kind and id(found) not in _taken:
            return found
    return function(*arguments)


def _empty(kind: type) -> Any:
    return object.__new__(kind)


def _hold(holder: Any, state: dict[str, Any]) -> None:
    if not vars(holder):  # what a module made holds something already
        vars(holder).update(state)


def _wait(route: Any, arguments: dict[str, Any]) -> None:
    if not vars(route):
        vars(route)[_ARGUMENTS] = arguments
        route.__class__ = _waiting_class(type(route))
        register(route)


def _waiting_class(kind: type) -> type:
    """A class whose instances become those of `kind` when they are asked for any attribute."""
    if kind not in _waiting:
        _waiting[kind] = type(
            kind.__name__, (kind,), {"__getattribute__": _awake, "__module__": __name__, _CLASS: kind}
        )
    return _waiting[kind]


def _awake(route: Any, name: str) -> Any:
    if name not in ("__dict__", "__class__"):
        complete(route)
    return object.__getattribute__(route, name)


def _class_of(part: Any) -> type:
    kind: type = type(part)
    actual: type = vars(kind).get(_CLASS, kind)
    return actual
