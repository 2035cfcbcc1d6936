"""Asks a replica whether it is well, and tells one that says no from one that says nothing at all."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

from ray.exceptions import RayActorError, RayError

from legacy.records import StartFailure

FAILED_CHECKS = 3  # Ray 1.13: three in a row replace a replica
ANSWER_S = 2.0


async def failed_check(tag: str, actor: Any, timeout_s: float) -> StartFailure | None:
    """One health check of a replica: why it failed, or None."""
    try:
        await _within(timeout_s, actor.check_health.remote())
    except asyncio.TimeoutError:
        text = f"TimeoutError: its health check did not end within {timeout_s:g} s"
        return StartFailure(tag, text, "", "health")
    except RayActorError as error:
        return StartFailure(tag, f"{type(error).__name__}: {error}", "", "died")
    except RayError as error:
        return StartFailure(tag, str(getattr(error, "cause", error)), "", "health")
    return None


async def answers(actor: Any) -> bool:
    """Whether a replica's process answers at all, whatever its user code does."""
    try:
        await _within(ANSWER_S, actor.load.remote())
    except (RayError, asyncio.TimeoutError):
        return False
    return True


async def _within(timeout_s: float, call: Awaitable[Any]) -> None:
    """As `asyncio.wait_for`, which before Python 3.12 forgets a cancellation that comes together with the answer."""
    answer = asyncio.ensure_future(call)
    try:
        await asyncio.wait({answer}, timeout=timeout_s)
        if not answer.done():
            raise asyncio.TimeoutError
        answer.result()
    finally:
        answer.cancel()
