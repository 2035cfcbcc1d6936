"""The head of a response a server writes, and how its body is framed. Pure.

Content-Length given -> exactly that many bytes | HTTP/1.0 -> until the connection closes
HEAD, 204, 304 -> none                          | else chunked
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import Enum
from http import HTTPStatus

Header = tuple[bytes, bytes]

CLOSE: Header = (b"connection", b"close")
PLAIN_TEXT: Header = (b"content-type", b"text/plain; charset=utf-8")

_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}")
_KNOWN_LIMIT = 2048
_known_names: dict[bytes, bytes] = {}  # a valid name as the application writes it -> in lower case


class Framing(Enum):
    """How a client finds the end of a response's body."""

    LENGTH = "length"
    CHUNKED = "chunked"
    CLOSE = "close"
    NONE = "none"


def _status_line(status: int) -> bytes:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    return f"HTTP/1.1 {status} {phrase}\r\n".encode("ascii")


_STATUS_LINES = {status: _status_line(status) for status in range(100, 600)}


def write_head(
    status: int, default: bytes, headers: Iterable[Header], request: tuple[str, str, bool]
) -> tuple[bytes, Framing, int, bool]:
    """The head as it goes over the wire.

    Args:
        default: complete lines every response begins with.
        headers: of the application; Connection and Transfer-Encoding are decided here, not by it.
        request: method, HTTP version, and whether the connection may stay open.

    Returns:
        The head; how the body is framed; its declared length in bytes or 0; whether the connection stays open.

    Raises:
        RuntimeError: a name, value or length that cannot be written without ambiguity.
    """
    method, version, keep_alive = request
    parts = [_STATUS_LINES[status], default]
    length: int | None = None
    lines = 0
    for name, value in headers:
        name = _known_names.get(name) or _checked_name(name)
        if name == b"content-length":
            if length is not None or not value.isdigit():
                raise RuntimeError("a response has one Content-Length, a decimal number")
            length = int(value)
        elif name == b"transfer-encoding":
            continue
        elif name == b"connection":
            keep_alive = keep_alive and b"close" not in value.lower()
            continue
        parts += (name, b": ", value, b"\r\n")
        lines += 1
    framing = Framing.NONE
    end = b"\r\n" if keep_alive else b"connection: close\r\n\r\n"
    if status not in (204, 304) and method != "HEAD":
        if length is not None:
            framing = Framing.LENGTH
        elif version == "1.0":
            framing = Framing.CLOSE
        else:
            framing = Framing.CHUNKED
            end = b"transfer-encoding: chunked\r\n" + end
    parts.append(end)
    head = b"".join(parts)
    lines += default.count(b"\n") + end.count(b"\n") + 1
    if head.count(b"\n") != lines or head.count(b"\r") != lines or b"\0" in head:
        raise RuntimeError("a response header has characters that are not allowed")
    return head, framing, length or 0, keep_alive


def whole_answer(status: int, text: str, *headers: Header) -> bytes:
    """An answer with a text, as it goes over the wire, after which the connection is closed."""
    body = text.encode()
    known = [PLAIN_TEXT, (b"content-length", b"%d" % len(body)), *headers]
    return write_head(status, b"", known, ("GET", "1.1", False))[0] + body


def _checked_name(name: bytes) -> bytes:
    if not _NAME.fullmatch(name):
        raise RuntimeError(f"{name[:40]!r} is not a header name")
    lower = name.lower()
    if len(_known_names) < _KNOWN_LIMIT:
        _known_names[name] = lower
    return lower
