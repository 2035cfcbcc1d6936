"""`ray.serve.utils` of Ray 0.8-1.7: the helpers programs used."""

from __future__ import annotations

import functools
import json
import logging
import time
from collections.abc import Callable
from typing import Any

import ray
import requests  # type: ignore[import-untyped, unused-ignore]  # Ray brings it

from legacy.logs import logger as logger
from legacy.replica.messages import ServeMultiDict, ServeRequest
from legacy.replica.results import ServeEncoder
from legacy.session.instances import random_letters
from serve_compat.names.teaching import teaching_getattr

__getattr__ = teaching_getattr(__name__)

__all__ = [
    "ServeEncoder",
    "ServeMultiDict",
    "ServeRequest",
    "block_until_http_ready",
    "get_random_letters",
    "logger",
    "pformat_color_json",
]


def _get_logger() -> logging.Logger:
    # programs of Ray 0.8 to 1.2 took their logger from here
    return logger


def get_random_letters(length: int = 6) -> str:
    """That many random letters."""
    return random_letters(length)


def pformat_color_json(d: Any) -> str:
    """A value as indented JSON (Ray 0.7-0.8, which coloured it)."""
    return json.dumps(d, sort_keys=True, indent=4)


def _task_too(function: Any) -> Any:
    """Let a function be called as it is and, as in the originals, as a task: `function.remote(...)`."""

    @functools.wraps(function)
    def remote(*args: Any, **kwargs: Any) -> ray.ObjectRef:
        return ray.remote(num_cpus=0)(function).remote(*args, **kwargs)

    function.remote = remote
    return function


@_task_too
def block_until_http_ready(
    http_endpoint: str,
    backoff_time_s: float = 1,
    check_ready: Callable[[requests.Response], object] | None = None,
    timeout: float = 60,
) -> None:
    """Wait until a URL answers a GET with status 200. `block_until_http_ready.remote(...)` does it in a task.

    Args:
        http_endpoint: the URL.
        backoff_time_s: seconds between two tries.
        check_ready: also asked whether the answer will do.
        timeout: seconds after which it gives up.

    Raises:
        TimeoutError: it gave up; the message says what the last try met.
    """
    deadline = time.monotonic() + timeout
    while True:
        try:
            answer = requests.get(http_endpoint, timeout=max(0.1, deadline - time.monotonic()))
            if answer.status_code == 200 and (check_ready is None or check_ready(answer)):
                return
            last = f"status {answer.status_code}" if answer.status_code != 200 else "check_ready said no"
        except Exception as error:  # whatever check_ready raises means not yet, as in the originals
            last = str(error)
        if time.monotonic() + backoff_time_s > deadline:
            raise TimeoutError(f"{http_endpoint} was not ready within {timeout:g} s; the last try met: {last}")
        time.sleep(backoff_time_s)
