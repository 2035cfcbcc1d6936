"""Class-based views: methods of a class as routes of a FastAPI app."""

from __future__ import annotations

import inspect
from types import FunctionType
from typing import Any

from starlette.requests import HTTPConnection

from legacy.errors import RayServeException

INSTANCE_KEY = "serve.instance"
"""Where the scope of a request carries the replica's instance."""


async def instance_of(connection: HTTPConnection) -> Any:
    """The replica's instance, as a FastAPI dependency."""
    return connection.scope[INSTANCE_KEY]


class Views:
    """Tells the routes of one class from others, and makes functions of its methods that FastAPI can call.

    Args:
        cls: the class, without what `@serve.ingress` adds to it.
    """

    def __init__(self, cls: type) -> None:
        self._own = {(base.__module__, base.__qualname__) for base in cls.__mro__}
        self._made: dict[int, FunctionType] = {}

    def is_own(self, endpoint: Any) -> bool:
        """Whether the function was written in the body of the class or one of its bases."""
        return isinstance(endpoint, FunctionType) and (endpoint.__module__, _body_of(endpoint)) in self._own

    def is_others(self, endpoint: Any) -> bool:
        """Whether it is a method of another class: it would wait for a query parameter called self."""
        if not isinstance(endpoint, FunctionType) or self.is_own(endpoint):
            return False
        body = _body_of(endpoint)
        return bool(body) and not body.endswith("<locals>") and "self" in endpoint.__code__.co_varnames[:1]

    def view(self, endpoint: FunctionType) -> FunctionType:
        """The method as a function whose `self` is a dependency; the method itself is not changed.

        Raises:
            RayServeException: it has no parameter for the instance.
        """
        found = self._made.get(id(endpoint))
        if found is None:
            found = self._made[id(endpoint)] = _with_dependency(endpoint)
        return found


def _body_of(function: FunctionType) -> str:
    return function.__qualname__.rpartition(".")[0]


def _with_dependency(endpoint: FunctionType) -> FunctionType:
    from fastapi import Depends  # only where there is a FastAPI app, so it is installed

    signature = inspect.signature(endpoint)
    parameters = list(signature.parameters.values())
    if not parameters:
        raise RayServeException(
            f"the method {endpoint.__qualname__} is a route of a class, but has no parameter for the instance; "
            "add self as its first parameter"
        )
    itself = parameters[0].replace(
        kind=inspect.Parameter.KEYWORD_ONLY, default=Depends(instance_of), annotation=inspect.Parameter.empty
    )
    others = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in parameters[1:] if not _is_variadic(one)]
    variadic = [one for one in parameters[1:] if one.kind is inspect.Parameter.VAR_KEYWORD]
    # A copy of the function itself, not a wrapper: FastAPI looks whether it is async or a generator.
    view = FunctionType(
        endpoint.__code__, endpoint.__globals__, endpoint.__name__, endpoint.__defaults__, endpoint.__closure__
    )
    view.__kwdefaults__ = endpoint.__kwdefaults__
    view.__dict__.update(endpoint.__dict__)
    for name in ("__module__", "__qualname__", "__doc__", "__annotations__"):
        setattr(view, name, getattr(endpoint, name))
    view.__signature__ = signature.replace(parameters=[itself, *others, *variadic])  # type: ignore[attr-defined]
    return view


def _is_variadic(parameter: inspect.Parameter) -> bool:
    return parameter.kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
