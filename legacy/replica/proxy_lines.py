"""What a proxy tells of a request in the lines of `legacy.http.contract`, read once for all requests alike."""

from __future__ import annotations

from starlette.types import Scope

from legacy.http.contract import Origin, Routed, read_call, read_origin, take_call, take_origin

_REMEMBERED = 1024


class ProxyLines:
    """Takes a proxy's lines off the requests of one replica."""

    def __init__(self) -> None:
        self._calls: dict[bytes, Routed] = {}
        self._origins: dict[bytes, Origin] = {}

    def take(self, scope: Scope) -> Routed | None:
        """The routing of a request whose scope tells of its client from now on; None when no proxy has sent it."""
        headers = scope["headers"]
        value = take_call(headers)
        if value is None:
            return None
        origin = take_origin(headers)
        if origin is not None:  # the connection that we see is the proxy's
            scope["client"], scope["scheme"], scope["server"] = self._origins.get(origin) or self._origin(origin)
        return self._calls.get(value) or self._call(value)

    def _origin(self, value: bytes) -> Origin:
        if len(self._origins) >= _REMEMBERED:
            self._origins.clear()  # most of these clients are gone
        origin = self._origins[value] = read_origin(value)
        return origin

    def _call(self, value: bytes) -> Routed:
        call = read_call(value)
        if not call.path_params and len(self._calls) < _REMEMBERED:
            self._calls[value] = call
        return call
