"""What user code gets: request objects."""

from __future__ import annotations

from collections import UserDict
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from starlette.datastructures import URL
from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope

from legacy.constants import WHOLE_BYTES
from legacy.errors import RayServeException

CALL = "__call__"

WHOLE_PATH = "serve.path"
"""Where a scope whose path is only the part below the route carries the whole path."""

# What of an ASGI scope a request may take along to another process.
_LINE = ("type", "asgi", "http_version", "server", "client", "scheme", "method")
_PORTABLE = (*_LINE, "root_path", "path", "raw_path", "query_string", "headers", "path_params", WHOLE_PATH)


ERA_HINT = (
    "it is an attribute of a Flask request (Ray 0.8-1.1), and this is {kind}. If the program was written for Ray 1.0 "
    "or 1.1, run it with `serve-compat run --era 1.0` or serve_compat.install(era='1.0')"
)
_FLASK_NAMES = """
    args data files get_json get_data is_json mimetype environ remote_addr full_path path query_string host
"""
_FLASK_ONLY = frozenset(_FLASK_NAMES.split())


class ServeMultiDict(UserDict[str, Any]):
    """The keyword arguments of a handle call, looking like query parameters (Ray 1.1-1.7)."""

    def getlist(self, key: str) -> Any:
        """The value stored under `key`, or []."""
        return self.data.get(key, [])


class _Shown(type):
    """Shows a class of ours as the originals' one, which programs print; it is still found where it is."""

    def __repr__(cls) -> str:
        ours = cls.__module__.startswith("legacy.")
        return f"<class 'ray.serve.utils.{cls.__name__}'>" if ours else super().__repr__()


class ServeRequest(metaclass=_Shown):
    """What a handler gets from a handle call: the shape of an HTTP request around Python objects (Ray 1.2-1.7).

    Args:
        data: the positional argument of `handle.remote`, of any type.
        kwargs: its keyword arguments, which become `query_params`, with their Python types.
        headers: the `http_headers` of `handle.options`.
        method: the `http_method` of `handle.options`.
    """

    def __init__(
        self,
        data: Any = None,
        kwargs: Mapping[str, Any] | None = None,
        headers: Mapping[str, Any] | None = None,
        method: str = "GET",
    ) -> None:
        self._data = data
        self._kwargs = ServeMultiDict(kwargs or {})
        self._headers = dict(headers or {})
        self._method = method

    @property
    def headers(self) -> dict[str, Any]:
        """The `http_headers` of `handle.options`."""
        return self._headers

    @property
    def method(self) -> str:
        """The `http_method` of `handle.options`."""
        return self._method

    @property
    def query_params(self) -> ServeMultiDict:
        """The keyword arguments of `handle.remote`."""
        return self._kwargs

    async def body(self) -> Any:
        """The positional argument itself, of any type; None when there was none."""
        return self._data

    async def json(self) -> dict[Any, Any]:
        """The positional argument, which must be a dict; RayServeException when it is not."""
        return self._dict("json()")

    async def form(self) -> dict[Any, Any]:
        """The same as `json`."""
        return self._dict("form()")

    def __getattr__(self, name: str) -> NoReturn:
        raise no_attribute(self, name, "a ServeRequest")

    def _dict(self, what: str, whole: str = "body()") -> dict[Any, Any]:
        if isinstance(self._data, dict):
            return self._data
        kind = type(self._data).__name__
        text = f"request.{what} needs a dict, and the handle was called with a {kind}; use request.{whole}"
        raise RayServeException(text)

    def __repr__(self) -> str:
        return f"ServeRequest(method={self._method!r}, keywords={self._kwargs.data!r})"


class HTTPRequest(Request):
    """A Starlette request that can be sent through a handle and arrives as the same request."""

    @property
    def url(self) -> URL:
        """The whole URL, also where `scope["path"]` is only the part below the route (deployments)."""
        whole = self.scope.get(WHOLE_PATH)
        return super().url if whole is None else URL(scope={**self.scope, "path": whole})

    @property
    def json(self) -> Any:
        """As Starlette's: `await request.json()`. Without the call the error says what Flask programs need."""
        return _Called(super().json, "json")

    @property
    def form(self) -> Any:
        """As Starlette's: `await request.form()`. Without the call the error says what Flask programs need."""
        return _Called(super().form, "form")

    def __getattr__(self, name: str) -> NoReturn:
        if name[0] == "_":  # Starlette looks for its own caches this way, on every request
            raise AttributeError(name)
        raise no_attribute(self, name, "a Starlette request")

    async def read(self, length: int | None) -> None:
        """Read a body of up to 8 MiB before the handler runs, so that it can be read twice and sent on.

        A longer one is left to stream. `length` is None for a chunked body: what was read of one that turns out to be
        longer is handed out again before the rest.

        Raises:
            ClientDisconnect: the client went away before the body was complete.
        """
        if length is not None and length > WHOLE_BYTES:
            return
        parts: list[bytes] = []
        size = 0
        while size <= WHOLE_BYTES:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect  # user code must not see half a body as a whole one
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if not message.get("more_body", False):
                self._body = b"".join(parts)
                return
        self._receive = _replayed(b"".join(parts), self._receive)

    def __reduce__(self) -> tuple[Any, ...]:
        if not hasattr(self, "_body"):
            text = f"the body of the request is longer than {WHOLE_BYTES} bytes and streams"
            raise RayServeException(f"{text}: `await request.body()` before you send the request through a handle")
        scope = {name: self.scope[name] for name in _PORTABLE if name in self.scope}
        return rebuild, (scope, self._body)


HTTPRequest.__module__, HTTPRequest.__name__ = Request.__module__, Request.__name__  # programs print what they get
HTTPRequest.__qualname__ = Request.__qualname__


class _Called:
    """A method of a request, which programs for Flask take for the value itself."""

    __slots__ = ("_method", "_name")

    def __init__(self, method: Callable[..., Any], name: str) -> None:
        self._method = method
        self._name = name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._method(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise self._misused(f".{name}")

    def __getitem__(self, key: object) -> NoReturn:
        raise self._misused(f"[{key!r}]")

    def __contains__(self, key: object) -> NoReturn:
        raise self._misused(" as a container")

    def __iter__(self) -> NoReturn:
        raise self._misused(" as a container")

    def __len__(self) -> NoReturn:
        raise self._misused(" as a container")

    def _misused(self, how: str) -> AttributeError:
        kind = f"a method to be awaited: (await request.{self._name}())"
        return AttributeError(f"request.{self._name}{how}: {ERA_HINT.format(kind=kind)}")


def no_attribute(request: object, name: str, kind: str) -> AttributeError:
    """The error for an attribute a request does not have; for one of Flask's it says what to do."""
    hint = f": {ERA_HINT.format(kind=kind)}" if name in _FLASK_ONLY else ""
    return AttributeError(f"{type(request).__name__!r} object has no attribute {name!r}{hint}")


def rebuild(scope: Scope, body: bytes) -> HTTPRequest:
    """The request that `HTTPRequest` pickled itself to."""
    request = HTTPRequest(scope)
    request._body = body
    return request


def _replayed(head: bytes, receive: Receive) -> Receive:
    pending = [head]

    async def first_the_head() -> Any:
        if pending:
            return {"type": "http.request", "body": pending.pop(), "more_body": True}
        return await receive()

    return first_the_head
