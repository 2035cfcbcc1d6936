"""A request target in absolute form, `GET http://host/path`, which every server must accept (RFC 9112, 3.2.2). Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

from legacy.http.head import Header

_ABSOLUTE = re.compile(rb"[Hh][Tt][Tt][Pp][Ss]?://([^/?:][^/?]*)")  # the scheme is the connection's, not this one


def split(target: bytes, method: str) -> tuple[bytes, bytes] | None:
    """The authority, unchecked, and the target in the form that all others have; None for no target of that form."""
    found = _ABSOLUTE.match(target)
    if found is None:
        return None
    rest = target[found.end() :]
    if not rest and method == "OPTIONS":
        return found[1], b"*"
    return found[1], rest if rest[:1] == b"/" else b"/" + rest


def with_host(headers: Iterable[Header], authority: bytes) -> list[Header]:
    """The headers of such a request: what they name as the host does not count."""
    return [(b"host", authority), *(header for header in headers if header[0] != b"host")]
