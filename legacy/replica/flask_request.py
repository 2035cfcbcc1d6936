"""The requests of Ray 0.8-1.1: Flask's, over HTTP, and what looks like them, through a handle.

Flask's request is werkzeug's with two differences that matter here, so werkzeug is all it takes.
"""

from __future__ import annotations

import functools
import importlib.util
import io
from typing import Any, NoReturn

from starlette.types import Scope

from legacy.dependencies import REQUIREMENTS
from legacy.errors import RayServeException
from legacy.replica import messages
from legacy.replica.messages import ServeMultiDict

MISSING = (
    "handlers of Ray 0.8-1.1 programs get Flask requests over HTTP, which need werkzeug: "
    f"pip install '{REQUIREMENTS['werkzeug']}'. (A program for Ray 1.2 or later gets none of them; is --era right?)"
)
_KEPT = ("http_version", "server", "client", "scheme", "method", "root_path", "path", "query_string", "headers")


def is_available() -> bool:
    """Whether werkzeug is installed."""
    return importlib.util.find_spec("werkzeug") is not None


def flask_request(scope: Scope, body: bytes) -> Any:
    """The Flask request of an ASGI scope and the whole body; RayServeException when werkzeug is not installed."""
    return _request_class()({name: scope[name] for name in _KEPT if name in scope}, body)


class ServeRequest(messages.ServeRequest):
    """What a handler gets from a handle call: the attributes of a Flask request around Python objects (Ray 1.0-1.1)."""

    @property
    def data(self) -> Any:
        """The positional argument itself, of any type."""
        return self._data

    @property
    def args(self) -> ServeMultiDict:
        """The keyword arguments of `handle.remote`."""
        return self._kwargs

    @property
    def json(self) -> dict[Any, Any]:  # type: ignore[override]
        """The positional argument, which must be a dict; RayServeException when it is not."""
        return self._dict("json", "data")

    @property
    def form(self) -> dict[Any, Any]:  # type: ignore[override]
        """The same as `json`."""
        return self._dict("form", "data")

    @property
    def query_params(self) -> NoReturn:
        """Came with Ray 1.2, as did `body`: AttributeError."""
        raise AttributeError("query_params")

    @property
    def body(self) -> NoReturn:
        """Came with Ray 1.2: AttributeError."""
        raise AttributeError("body")


def environ(scope: Scope, body: bytes) -> dict[str, Any]:
    """The WSGI environment of an ASGI scope and the whole body."""
    host, port = scope.get("server") or ("localhost", None)
    made: dict[str, Any] = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",  # Ray 0.8-1.1 kept the whole path in request.path
        "PATH_INFO": scope["path"].encode("utf-8", "surrogateescape").decode("latin-1"),
        "QUERY_STRING": scope.get("query_string", b"").decode("latin-1"),
        "SERVER_PROTOCOL": f"HTTP/{scope.get('http_version', '1.1')}",
        "SERVER_NAME": str(host),
        "SERVER_PORT": str(port or 80),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.get("scheme", "http"),
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    if scope.get("client"):
        made["REMOTE_ADDR"] = scope["client"][0]
    for name, value in scope["headers"]:
        key = name.decode("latin-1").upper().replace("-", "_")
        key = key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
        text = value.decode("latin-1")
        made[key] = f"{made[key]},{text}" if key in made else text
    made.pop("HTTP_TRANSFER_ENCODING", None)  # the body is whole by now
    made["CONTENT_LENGTH"] = str(len(body))
    return made


@functools.cache
def _request_class() -> type:
    """Werkzeug is optional, so the class is made when the first request needs it."""
    if not is_available():
        raise RayServeException(MISSING)
    base: Any = importlib.import_module("werkzeug.wrappers").Request

    class Request(base):
        """A Flask 1.x request that can be sent through a handle and arrives as the same request."""

        __module__, __qualname__ = "flask.wrappers", "Request"  # programs print what they get

        max_form_memory_size = None  # the proxy limits bodies; Flask 1 did not
        max_form_parts = None
        is_serve_request = True
        url_rule = view_args = endpoint = blueprint = None

        def __init__(self, scope: Scope, body: bytes) -> None:
            super().__init__(environ(scope, body))
            self._made_of = scope, body

        def get_json(self, force: bool = False, silent: bool = False, cache: bool = True) -> Any:
            """The parsed body; None for another content type, as in Flask 1."""
            return super().get_json(force, silent, cache) if force or self.is_json else None

        def __reduce__(self) -> tuple[Any, ...]:
            return flask_request, self._made_of

    return Request
