"""The user code every system serves, and the request body of the POST scenario."""

from __future__ import annotations

import json
from typing import Any

HELLO = "hello world"
POST_BYTES = 1024


def _post_body() -> bytes:
    values = list(range(180))
    text = json.dumps({"values": values, "note": ""})
    body = json.dumps({"values": values, "note": "x" * (POST_BYTES - len(text))}).encode()
    assert len(body) == POST_BYTES
    return body


POST_BODY = _post_body()


async def hello(request: Any = None) -> str:
    """The async hello world."""
    return HELLO


def hello_sync(request: Any = None) -> str:
    """The same as a plain function."""
    return HELLO


async def total(request: Any) -> dict[str, int]:
    """Reads 1 KiB of JSON, answers a little JSON."""
    return {"total": sum((await request.json())["values"])}


HANDLERS = {"hello": hello, "hello_sync": hello_sync, "total": total}
