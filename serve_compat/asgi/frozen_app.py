"""A copy of an ASGI application that can be sent to replicas.

Apps are not picklable as they are (locks, compiled validators, functions that refer back to the app), and a pickle made
when the class is decorated would miss what the program defines further down. So the frame of the app (FastAPI's and
Starlette's own objects) is written down at once, while everything of the user's (functions, classes, other objects) is
kept as it is and goes to the replica together with the class. FastAPI's routes are written as the arguments they were
made with, and built anew in the replica; those that are methods of the class become methods of its instance there.
"""

from __future__ import annotations

import dataclasses
import inspect
import io
import pickle
import threading
from collections.abc import Callable
from types import CellType, FunctionType, MethodType
from typing import Any

from ray import cloudpickle
from starlette.datastructures import State
from starlette.routing import Router

from serve_compat.asgi.views import Views

_FRAMEWORKS = ("fastapi", "starlette")
_LOCKS: dict[type, Callable[[], Any]] = {type(make()): make for make in (threading.Lock, threading.RLock)}
_PLAIN = frozenset((str, bytes, int, float, bool, type(None), list, dict, set, tuple, frozenset, CellType, MethodType))


class _Method:
    """Stands for a method of that instance."""

    def __init__(self, function: Any) -> None:
        self.function = function


_INSTANCE = object()  # stands for the instance that does not exist yet
_INSTANCE_PLACE = -1


class FrozenApp:
    """An application as it was at one moment.

    Args:
        frame: the pickle of the framework's part.
        kept: the user's objects in it.
    """

    def __init__(self, frame: bytes, kept: list[Any]) -> None:
        self._frame = frame
        self._kept = kept

    def thawed(self, instance: Any) -> Any:
        """The application, anew at every call.

        Args:
            instance: the object whose methods are routes.
        """
        return _Reader(io.BytesIO(self._frame), self._kept, instance).load()


class _Given(FrozenApp):
    """An application that is not of a framework we know: it stays as it is."""

    def __init__(self, app: Any) -> None:
        self._app = app

    def thawed(self, instance: Any) -> Any:
        return self._app


def freeze(app: Any, views: Views) -> FrozenApp:
    """Copy an application.

    Args:
        app: FastAPI and Starlette apps are copied, others are taken as they are.
        views: whose methods become methods of the instance in the copy.

    Raises:
        RayServeException: a method that is a route has no `self`.
    """
    if not _is_frame(type(app)):
        return _Given(app)
    frame = io.BytesIO()
    writer = _Writer(frame, views)
    writer.dump(app)
    return FrozenApp(frame.getvalue(), writer.kept)


class _Writer(cloudpickle.Pickler):
    def __init__(self, file: io.BytesIO, views: Views) -> None:
        super().__init__(file)
        self.kept: list[Any] = []
        self._views = views
        self._places: dict[int, int] = {}

    def persistent_id(self, obj: Any) -> int | None:
        """The place among the kept objects of what belongs to the user; None for what is written."""
        if obj is _INSTANCE:
            return _INSTANCE_PLACE
        kind = type(obj)
        if kind in _PLAIN or kind in _LOCKS or kind is _Method:
            return None
        if _is_framework(obj) if isinstance(obj, (type, FunctionType)) else _is_frame(kind):
            return None
        place = self._places.get(id(obj))
        if place is None:
            place = self._places[id(obj)] = len(self.kept)
            self.kept.append(obj)
        return place

    def reducer_override(self, obj: Any) -> Any:
        """How the framework's objects are written."""
        kind = type(obj)
        if kind in _LOCKS:
            return _LOCKS[kind], ()
        if kind is _Method:
            return MethodType, (obj.function, _INSTANCE)
        if isinstance(obj, State):
            return State, (dict(obj._state),)
        if isinstance(obj, Router):
            return _router(obj, self._views)
        if not _is_route(kind):
            return super().reducer_override(obj)
        return _rebuilt, (kind, _route_arguments(obj, self._views))


class _Reader(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, kept: list[Any], instance: Any) -> None:
        super().__init__(file)
        self._kept = kept
        self._instance = instance

    def persistent_load(self, place: int) -> Any:
        """The kept object at that place."""
        return self._instance if place == _INSTANCE_PLACE else self._kept[place]


def _is_framework(obj: Any) -> bool:
    module = getattr(obj, "__module__", None) or ""
    return module.partition(".")[0] in _FRAMEWORKS


def _is_frame(kind: type) -> bool:
    return any(_is_framework(base) for base in kind.__mro__)


def _is_route(kind: type) -> bool:
    """Whether it is a class of FastAPI's that is built from its arguments: API routes and included routers."""
    names = {base.__name__ for base in kind.__mro__ if base.__module__ == "fastapi.routing"}
    return bool(names & {"APIRoute", "APIWebSocketRoute", "_IncludedRouter"})


def _route_arguments(route: Any, views: Views) -> dict[str, Any]:
    if dataclasses.is_dataclass(route):
        names = [field.name for field in dataclasses.fields(route) if not field.name.startswith("_")]
        return {name: getattr(route, name) for name in names}
    made_by = next(base for base in type(route).__mro__ if base.__module__ == "fastapi.routing")
    names = [name for name in inspect.signature(made_by.__init__).parameters if hasattr(route, name)]  # type: ignore[misc]
    arguments = {name: getattr(route, name) for name in names}
    if getattr(route, "stream_item_type", None) is not None:
        arguments.pop("response_model", None)  # FastAPI works both out from the annotation, or neither
    if views.is_own(route.endpoint):
        arguments["endpoint"] = _Method(route.endpoint)
    return arguments


def _rebuilt(kind: Any, arguments: dict[str, Any]) -> Any:
    return kind(**arguments)


def _router(router: Router, views: Views) -> Any:
    routes = [route for route in router.routes if not views.is_others(getattr(route, "endpoint", None))]
    return _new, (type(router),), {**vars(router), "routes": routes}


def _new(kind: type) -> Any:
    return object.__new__(kind)
