"""`@serve.ingress`: a class that answers HTTP through a FastAPI or other ASGI application (Ray 1.3-2.6).

What the program does to the application after the class was decorated has no effect on the deployment. In a replica,
the class's own routes get the replica's instance as `self`.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from typing import Any

from serve_compat.asgi.frozen_app import FrozenApp
from serve_compat.asgi.lifespan import Lifespan
from serve_compat.asgi.root_path import moved, root_path_of
from serve_compat.asgi.views import Views


def ingress(app: Any) -> Callable[[type], type]:
    """Let a class answer HTTP through an application. `@serve.deployment` goes above it.

    Routes that methods of the class define on a FastAPI app or APIRouter get the instance as `self`; the routes of
    other decorated classes on the same application are left out; free functions stay. Methods can also be called by
    handle. Startup events run after the constructor, shutdown events when a replica stops.

    Args:
        app: a FastAPI, an APIRouter or any other ASGI application.

    Raises:
        ValueError: not a class, or one that defines `__call__`.
        RayServeException: a route of the class is a method without `self`.
    """

    def decorate(cls: type) -> type:
        if not inspect.isclass(cls):
            raise ValueError("@serve.ingress must be used with a class.")
        if any("__call__" in vars(base) for base in cls.__mro__):
            raise ValueError(
                f"{cls.__name__} has a __call__ method, but @serve.ingress sends HTTP requests to the app instead; "
                "remove __call__, or give it another name and a route"
            )
        return _with_app(cls, FrozenApp(_application(app), Views(cls)))

    return decorate


def _with_app(cls: type, frozen: FrozenApp) -> type:
    class Ingress(cls):
        __serve_app__ = frozen

        def __serve_created__(self) -> None:
            """Called by the replica before the constructor."""
            self._serve_app = frozen.revive(self)

        async def __serve_startup__(self) -> None:
            """Called by the replica after the constructor."""
            self._serve_lifespan = Lifespan(self._serve_app)
            self._serve_root_path = root_path_of(self._serve_app)
            await self._serve_lifespan.startup()

        async def __serve_asgi__(self, scope: Any, receive: Any, send: Any) -> None:
            """Called by the replica for every request."""
            if self._serve_root_path:
                scope = moved(scope, self._serve_root_path)
            await self._serve_lifespan(scope, receive, send)

        async def __serve_shutdown__(self) -> None:
            """Called by the replica before it stops."""
            await self._serve_lifespan.shutdown()

    for name in ("__module__", "__name__", "__qualname__", "__doc__"):
        setattr(Ingress, name, getattr(cls, name))
    return Ingress


def _application(app: Any) -> Any:
    """The app; an APIRouter alone would not answer HTTPException and validation errors."""
    fastapi = sys.modules.get("fastapi")
    if fastapi is None or not isinstance(app, fastapi.APIRouter):
        return app
    whole = fastapi.FastAPI()
    whole.include_router(app)
    whole.router.default = app  # has what is added to it later; up to FastAPI 0.138 the other routes are copies
    return whole
