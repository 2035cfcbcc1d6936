"""`FastAPI(root_path=...)`: the public path of an application behind a proxy, told instead of the route prefix.

FastAPI puts it into the scope of each request. The originals had taken the prefix off the path by then; today's
Starlette takes the root path off itself, and would not find it in a path that begins with the prefix.
"""

from __future__ import annotations

from typing import Any

_NESTED = 100  # middlewares around an application


def root_path_of(app: Any) -> str:
    """The root path that an application has of its own, also inside of others that hold it as `app`; "" for none."""
    for _ in range(_NESTED):
        if getattr(app, "root_path", "") or not hasattr(app, "app"):
            break
        app = app.app
    found = getattr(app, "root_path", "")
    return found if isinstance(found, str) else ""


def moved(scope: Any, root_path: str) -> Any:
    """The scope of a request below a route prefix, with that root path in the prefix's place."""
    prefix, path = scope["root_path"], scope["path"]
    if not prefix or not path.startswith(prefix):
        return scope
    return {**scope, "root_path": root_path, "path": root_path + path[len(prefix) :]}
