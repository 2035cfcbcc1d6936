"""A small, strict reader of HTTP/1.1 responses from raw bytes; it must not forgive what the proxy must not do."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass


@dataclass
class Response:
    """One parsed response; `complete` is False when the connection ended within it."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    complete: bool = True

    def get(self, name: str) -> str | None:
        """The only value of a header; an error when there are several."""
        values = [value for key, value in self.headers if key == name]
        assert len(values) <= 1, (name, values)
        return values[0] if values else None


async def read_response(reader: asyncio.StreamReader, method: str = "GET") -> Response | None:
    """The next final response; None when the connection was closed before it began."""
    while True:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError as error:
            if error.partial:
                raise AssertionError(f"half a head: {error.partial!r}") from None
            return None
        except ConnectionResetError:
            return None
        lines = head.decode("latin-1").split("\r\n")[:-2]
        version, code, _ = lines[0].split(" ", 2)
        assert version == "HTTP/1.1", lines[0]
        pairs = [line.split(": ", 1) for line in lines[1:]]
        response = Response(int(code), [(name.lower(), value) for name, value in pairs], b"")
        if response.status >= 200:
            break
    try:
        response.body = await _body(reader, response, method)
    except (asyncio.IncompleteReadError, ConnectionResetError):
        response.complete = False
    return response


async def _body(reader: asyncio.StreamReader, response: Response, method: str) -> bytes:
    length, coding = response.get("content-length"), response.get("transfer-encoding")
    assert length is None or coding is None
    if method == "HEAD" or response.status in (204, 304):
        assert coding is None
        return b""
    if length is not None:
        return await reader.readexactly(int(length))
    if coding is None:
        assert response.get("connection") == "close"
        return await reader.read()
    assert coding == "chunked"
    body = b""
    while True:
        size = int(await reader.readuntil(b"\r\n"), 16)
        piece = await reader.readexactly(size + 2)
        assert piece.endswith(b"\r\n")
        if not size:
            return body
        body += piece[:-2]


async def is_closed(reader: asyncio.StreamReader, timeout_s: float = 5.0) -> bool:
    """Whether the peer closes without another byte."""
    try:
        rest = await asyncio.wait_for(reader.read(), timeout_s)
    except ConnectionResetError:
        return True
    except asyncio.TimeoutError:
        return False
    assert not rest, rest
    return True
