"""Writes down the HTTP requests that pass, one JSON object per line, so that they can be sent to another program.

A recording is a file that is passed around: it must hold no credentials.
"""

from __future__ import annotations

import base64
import json
import os
import re
import stat
from typing import Any

from legacy import settings
from legacy.redaction import (
    is_hidden,
    json_without_secrets,
    multipart_without_secrets,
    redacted,
    without_secrets,
)
from legacy.seldom import Seldom

MAX_BODY = 2**20  # bytes; a longer body is left out, and the line says so
# Made anew by whoever sends it
_LEFT_OUT = {
    b"host",
    b"connection",
    b"content-length",
    b"transfer-encoding",
    b"accept-encoding",
    b"user-agent",
}
_OWN_PATHS = "/-/"
_FORM = re.compile(r"[^\s=&{}<>\"]+=[^\s{}<>\"]*")

_seldom = Seldom()


def recorded(application: Any, path: str) -> Any:
    """An ASGI application that does what the given one does and appends its requests to a file.

    Args:
        path: the file, on the proxy's node; made readable for this user only.
    """

    names = settings.load().secret_names.lower().split(",")
    secret_names = tuple(name.strip() for name in names if name.strip())

    async def recording(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["path"].startswith(_OWN_PATHS):
            await application(scope, receive, send)
            return
        body = bytearray()
        size = 0

        async def listening() -> Any:
            nonlocal size
            message = await receive()
            if message["type"] == "http.request":
                size += len(message.get("body", b""))
                if size <= MAX_BODY:
                    body.extend(message.get("body", b""))
            return message

        try:
            await application(scope, listening, send)
        finally:
            _append(path, line(scope, bytes(body), size, secret_names))

    return recording


def line(scope: Any, body: bytes, size: int, secret_names: tuple[str, ...] = ()) -> str:
    """The line for one request.

    Args:
        scope: of ASGI.
        body: what was received of it; whole unless it was longer than MAX_BODY.
        size: of the whole body, in bytes.
        secret_names: of headers and parameters whose values are left out, besides the well-known ones.
    """
    target = redacted(scope["raw_path"].decode("latin-1") if scope.get("raw_path") else scope["path"])
    query = without_secrets(scope["query_string"].decode("latin-1"), secret_names)
    said: dict[str, Any] = {"method": scope["method"], "path": target + (f"?{query}" if query else "")}
    headers = [
        [name.decode("latin-1"), redacted(value.decode("latin-1"), more=secret_names)]
        for name, value in scope["headers"]
        if name.lower() not in _LEFT_OUT and not is_hidden(name.decode("latin-1"), secret_names)
    ]
    said.update({"headers": headers} if headers else {})
    if size > MAX_BODY:
        said["_note"] = f"its body of {size} bytes was left out"
    elif body:
        said.update(_body(body, dict(scope["headers"]).get(b"content-type", b""), secret_names))
    return json.dumps(said) + "\n"


def _body(body: bytes, kind: bytes, names: tuple[str, ...]) -> dict[str, str]:
    if b"multipart/" in kind.lower():
        body = multipart_without_secrets(body, names)
    try:
        text = body.decode()
    except UnicodeDecodeError:
        said = json_without_secrets(body, names)  # in UTF-16, perhaps
        return {"body_base64": base64.b64encode(body).decode("ascii")} if said is None else {"body": said}
    # What it is tells its text: its type may be missing, or be a wrong one. Only a plain text is no form.
    if b"text/plain" not in kind.lower() and _FORM.fullmatch(text):
        return {"body": without_secrets(text, names)}
    return {"body": json_without_secrets(text, names) or redacted(text, more=names)}


def _append(path: str, text: str) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            if stat.S_ISREG(os.fstat(descriptor).st_mode):
                os.fchmod(descriptor, 0o600)  # also when it was there before
            os.write(descriptor, text.encode())  # one write: proxies may share the file
        finally:
            os.close(descriptor)
    except OSError as error:
        _seldom.warn(path, f"a request could not be recorded in {path}: {error}")
