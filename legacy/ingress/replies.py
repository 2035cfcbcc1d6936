"""What the proxy answers by itself: plain texts, redirects, the route table."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any
from urllib.parse import quote

from legacy.errors import RayServeException
from legacy.http.contract import REQUEST_ID
from legacy.http.head import PLAIN_TEXT, Header
from legacy.traffic.routes import Match

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

TEXT = PLAIN_TEXT[1]
JSON = b"application/json"


async def reply(
    send: Send, status: int, body: bytes, content_type: bytes = TEXT, headers: Sequence[Header] = ()
) -> None:
    """Send a complete response."""
    length = b"%d" % len(body)
    known = [(b"content-type", content_type), (b"content-length", length), *headers]
    await send({"type": "http.response.start", "status": status, "headers": known})
    await send({"type": "http.response.body", "body": body})


def error_reply(error: RayServeException, request_id: bytes | None) -> tuple[int, bytes, list[Header]]:
    """Status, body and headers that tell a client what went wrong and, where it helps, when to come back.

    Args:
        request_id: the client's own; None makes one, so that the answer and the log can be matched.
    """
    known = request_id or new_request_id()
    headers = [(REQUEST_ID, known)]
    if error.retry_after_s is not None:
        headers.append((b"retry-after", b"%d" % error.retry_after_s))
    text = f"{type(error).__name__}: {error} (request {known.decode('ascii')})"
    return error.status, text.encode(), headers


def new_request_id() -> bytes:
    """An id for a request that came without one."""
    return uuid.uuid4().hex[:16].encode()


def miss_reply(match: Match, path: str, method: str, query: bytes, root: str = "") -> tuple[int, bytes, list[Header]]:
    """Status, body and headers for a request that no endpoint takes (texts of Ray 1.2 and of 1.4 and later).

    Args:
        root: the path prefix in front of every route.
    """
    if match.kind == "redirect":
        location = quote(root).encode("ascii") + match.location.encode("ascii") + (b"?" + query if query else b"")
        return 307, b"", [(b"location", location)]
    if match.kind == "not_allowed":
        allow = [(b"allow", ", ".join(match.allowed).encode("ascii", "replace"))]
        if match.endpoint is not None and match.endpoint.generation.names_allowed_methods:
            text = f"Methods {method} not allowed. Available HTTP methods are {list(match.allowed)}."
            return 405, text.encode(), allow
        return 405, b"Method Not Allowed", allow
    text = f"Path {_printable(path)} not found. Please ping http://.../-/routes for route table."
    return 404, text.encode(), []


def _printable(path: str) -> str:
    # what the client sent comes back as text; control characters do not
    return repr(path.encode("utf-8", "replace").decode())
