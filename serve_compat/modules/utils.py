"""`ray.serve.utils` of Ray 0.8-1.7: the helpers programs used."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from typing import Any

from legacy.replica.messages import ServeEncoder, ServeMultiDict, ServeRequest
from legacy.session.instances import random_letters
from serve_compat.names.teaching import teaching_getattr

__getattr__ = teaching_getattr(__name__)

__all__ = [
    "ServeEncoder",
    "ServeMultiDict",
    "ServeRequest",
    "block_until_http_ready",
    "get_random_letters",
    "pformat_color_json",
]


def get_random_letters(length: int = 6) -> str:
    """That many random letters."""
    return random_letters(length)


def pformat_color_json(d: Any) -> str:
    """A value as indented JSON (Ray 0.7-0.8, which coloured it)."""
    return json.dumps(d, sort_keys=True, indent=4)


def block_until_http_ready(http_endpoint: str, backoff_time_s: float = 1, timeout: float = 60) -> None:
    """Wait until a URL answers a GET with status 200.

    Args:
        http_endpoint: the URL.
        backoff_time_s: seconds between two tries.
        timeout: seconds after which it gives up.

    Raises:
        TimeoutError: it gave up; the message says what the last try met.
    """
    deadline = time.monotonic() + timeout
    while True:
        try:
            with urllib.request.urlopen(http_endpoint, timeout=max(0.1, deadline - time.monotonic())) as answer:
                if answer.status == 200:
                    return
                last = f"status {answer.status}"
        except (OSError, urllib.error.URLError) as error:
            last = str(error)
        if time.monotonic() + backoff_time_s > deadline:
            raise TimeoutError(f"{http_endpoint} was not ready within {timeout:g} s; the last try met: {last}")
        time.sleep(backoff_time_s)
