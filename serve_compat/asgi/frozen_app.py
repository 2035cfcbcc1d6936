"""An ASGI application as it was when its class was decorated, and how it becomes that again in a replica.

The application itself goes to the replica, in one pickle with all that names it: globals, closures, objects and
constructor arguments. So whatever user code does to the application there is done to the one that serves. What the
program did to it after the decoration stays behind: what its parts held then is remembered, and put back. Routes that
are methods of the class become methods of its instance.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from starlette.routing import Router

from legacy.replica import asgi_parts
from serve_compat.asgi.views import Views

_CONTAINERS = (list, dict, set)


class FrozenApp:
    """An application, and what it was when this was made.

    Args:
        app: any ASGI application; of those that are not made of Starlette's or FastAPI's parts, nothing is remembered.
        views: whose methods become methods of the instance.

    Raises:
        RayServeException: a method that is a route has no `self`.

    Attributes:
        app: the application itself.
    """

    def __init__(self, app: Any, views: Views) -> None:
        self.app = app
        self._held: list[tuple[Any, dict[str, Any]]] = []
        self._views: list[tuple[Any, Any]] = []  # routes and their methods
        self._included: list[Any] = []
        for part in _parts(app):
            asgi_parts.register(part)
            if isinstance(part, asgi_parts.HOLDERS):
                self._held.append((part, _copied(_own(part, views))))
            elif not hasattr(part, "endpoint"):
                self._included.append(part)
            elif views.is_own(part.endpoint):
                self._views.append((part, part.endpoint))

    def __getstate__(self) -> dict[str, Any]:
        held = [(part, asgi_parts.with_new_locks(state)) for part, state in self._held]
        return {**vars(self), "_held": held}

    def states(self) -> dict[int, dict[str, Any]]:
        """What the parts of the application held, by the identity of the part."""
        return {id(part): state for part, state in self._held}

    def containers(self) -> dict[int, Any]:
        """The remembered containers, by the identity of those that the parts hold now."""
        return {
            id(now): then
            for part, state in self._held
            for name, then in state.items()
            if type(now := vars(part).get(name)) is type(then) and type(then) in _CONTAINERS
        }

    def revive(self, instance: Any) -> Any:
        """In a replica: make the application what it was, with that instance's methods as routes, and give it."""
        asgi_parts.take(self.app)
        for part, state in self._held:
            asgi_parts.take(part)
            _put_back(part, state)
        for route, function in self._views:
            asgi_parts.bind(route, function, instance)
        for router in self._included:
            asgi_parts.make(router)  # what it made of its routes formerly is of no use
        for part in _parts(self.app):
            if asgi_parts.is_route(type(part)):
                asgi_parts.complete(part)
        return self.app


def _parts(app: Any) -> Iterator[Any]:
    """The application, its routers, states and FastAPI's routes, also of applications within it."""
    seen: set[int] = set()
    found = [app]
    while found:
        one = found.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        kind = type(one)
        if kind is dict:
            found.extend(one.values())
        elif kind in (list, tuple, set, frozenset):
            found.extend(one)
        elif asgi_parts.is_route(kind):
            yield one
            found.extend(asgi_parts.arguments_of(one).values())
        elif asgi_parts.is_frame(kind) and hasattr(one, "__dict__"):
            if isinstance(one, asgi_parts.HOLDERS):
                yield one
            found.extend(vars(one).values())


def _own(part: Any, views: Views) -> dict[str, Any]:
    """What a part holds, without the methods of other classes."""
    if not isinstance(part, Router):
        return vars(part)
    return {**vars(part), "routes": [one for one in part.routes if not views.is_others(getattr(one, "endpoint", None))]}


def _copied(state: dict[str, Any]) -> dict[str, Any]:
    return {name: _copy(value) for name, value in state.items()}


def _copy(value: Any) -> Any:
    return value.copy() if type(value) in _CONTAINERS else value


def _put_back(part: Any, then: dict[str, Any]) -> None:
    now = vars(part)
    for name in now.keys() - then.keys():
        del now[name]
    for name, value in then.items():
        held = now.get(name)
        if type(held) is not type(value) or type(value) not in _CONTAINERS:
            now[name] = value
        elif held is value:
            then[name] = _copy(value)  # what happens from now on is not remembered
        else:
            _fill(held, value)


def _fill(container: Any, content: Iterable[Any]) -> None:
    container.clear()
    container.extend(content) if isinstance(container, list) else container.update(content)
