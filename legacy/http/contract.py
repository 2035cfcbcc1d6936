"""What a proxy and a replica tell each other beyond plain HTTP: each header's writer beside its reader. Pure.

    request   the client's own lines | x-serve-from | [x-serve-secret on TCP] | x-serve-call, always the last line
    answer    x-serve-refused where no user code ran

No client can send one of these: the proxy drops whatever begins with `OURS`.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple
from urllib.parse import quote, unquote

from legacy.http.head import Header

OURS = b"x-serve-"
_CALL = OURS + b"call"
_FROM = OURS + b"from"
_SECRET = OURS + b"secret"
REFUSED: Header = (OURS + b"refused", b"1")
"""Marks an answer for which no user code ran, so the request may be sent elsewhere whatever its method."""

STRANGER = "only the proxies of one serve instance are served here"

# what clients say, and handle calls in their place
CALL_METHOD = "X-Serve-Call-Method"
SHARD_KEY = "X-Serve-Shard-Key"
REQUEST_ID = b"x-request-id"

FORWARDED_FOR, FORWARDED_PROTO = b"x-forwarded-for", b"x-forwarded-proto"
_MORE = (b"forwarded", b"x-forwarded-host", b"x-forwarded-port", b"x-forwarded-prefix", b"x-forwarded-server")
FORWARDING = frozenset((FORWARDED_FOR, FORWARDED_PROTO, *_MORE))
"""Headers by which proxies in front of ours say for whom they ask; see `legacy.ingress.forwarded`."""


LONGEST_HOST = 255
"""Characters; what is longer is no address and no name."""


class Routed(NamedTuple):
    """What a replica needs to know of the routing.

    Attributes:
        method: what of the backend is called; "" for the backend itself.
        root_path: the route's part of the path.
        path_params: the values of a route template's parameters, as JSON knows them.
    """

    method: str
    root_path: str
    path_params: dict[str, Any]


class Origin(NamedTuple):
    """The client's connection, which the replica cannot see: its own is the proxy's.

    Attributes:
        client: address and port of the client; None where nobody knows.
        scheme: http, https, ws or wss.
        server: the address and port that it reached; the port is None for a unix socket.
    """

    client: tuple[str, int] | None
    scheme: str
    server: tuple[str, int | None] | None


def origin_line(origin: Origin) -> bytes:
    """The line of a request's head behind the client's own lines."""
    client, server = origin.client or ("", None), origin.server or ("", None)
    fields = (client[0], client[1], origin.scheme, server[0], server[1])
    # what a proxy says of its client, or a middleware puts there, may be any text
    texts = ("" if field is None else str(field)[:LONGEST_HOST] for field in fields)
    value = "&".join(quote(text, safe=":.", errors="replace") for text in texts)
    return b"%b: %b\r\n" % (_FROM, value.encode("ascii"))


def take_origin(headers: list[Header]) -> bytes | None:
    """The value that `origin_line` wrote, taken off the headers once those behind it are."""
    return headers.pop()[1] if headers and headers[-1][0] == _FROM else None


def read_origin(value: bytes) -> Origin:
    """What `origin_line` was given."""
    client, client_port, scheme, server, server_port = map(unquote, value.decode("ascii").split("&"))
    return Origin(
        (client, _port(client_port) or 0) if client else None,
        scheme,
        (server, _port(server_port)) if server else None,
    )


def _port(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else None


def call_line(routed: Routed) -> bytes:
    """The last line of a request's head with the end of the head."""
    params = quote(json.dumps(routed.path_params, default=str), safe="") if routed.path_params else ""
    value = f"m={quote(routed.method, safe='')}&r={quote(routed.root_path, safe='/')}&p={params}"
    return b"%b: %b\r\n\r\n" % (_CALL, value.encode("ascii"))


def take_call(headers: list[Header]) -> bytes | None:
    """The value that `call_line` wrote, taken off the headers; None when they do not come from a proxy."""
    return headers.pop()[1] if headers and headers[-1][0] == _CALL else None


def read_call(value: bytes) -> Routed:
    """What `call_line` was given."""
    fields = dict(pair.split("=", 1) for pair in value.decode("ascii").split("&"))
    params = unquote(fields["p"])
    return Routed(unquote(fields["m"]), unquote(fields["r"]), json.loads(params) if params else {})


def secret_line(secret: str) -> bytes:
    """The line before the last one, for a replica on another node."""
    return b"%b: %b\r\n" % (_SECRET, secret.encode("ascii"))


def take_secret(headers: list[Header]) -> bytes:
    """The value that `secret_line` wrote, taken off the headers; b"" when there is none."""
    return headers.pop(-2)[1] if len(headers) > 1 and headers[-2][0] == _SECRET else b""
