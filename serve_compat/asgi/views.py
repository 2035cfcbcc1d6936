"""Class-based views: which routes of a FastAPI app are methods of a class."""

from __future__ import annotations

import inspect
from types import FunctionType
from typing import Any

from legacy.errors import RayServeException


class Views:
    """Tells the routes of one class from others.

    Args:
        cls: the class, without what `@serve.ingress` adds to it.
    """

    def __init__(self, cls: type) -> None:
        self._own = {(base.__module__, base.__qualname__) for base in cls.__mro__}

    def is_own(self, endpoint: Any) -> bool:
        """Whether it was written in the body of the class or one of its bases; RayServeException without `self`."""
        if not isinstance(endpoint, FunctionType) or (endpoint.__module__, _body_of(endpoint)) not in self._own:
            return False
        if not inspect.signature(endpoint).parameters:
            raise RayServeException(
                f"the method {endpoint.__qualname__} is a route of a class, but has no parameter for the instance; "
                "add self as its first parameter"
            )
        return True

    def is_others(self, endpoint: Any) -> bool:
        """Whether it is a method of another class: it would wait for a query parameter called self."""
        if not isinstance(endpoint, FunctionType) or self.is_own(endpoint):
            return False
        body = _body_of(endpoint)
        return bool(body) and not body.endswith("<locals>") and "self" in endpoint.__code__.co_varnames[:1]


def _body_of(function: FunctionType) -> str:
    return function.__qualname__.rpartition(".")[0]
