"""Asks a replica whether it is well, and tells one that says no from one that says nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, NamedTuple, TypeVar

from ray.exceptions import ActorUnavailableError, RayActorError, RayError

from legacy.records import StartFailure

Answer = TypeVar("Answer")

FAILED_CHECKS = 3  # Ray 1.13: three in a row replace a replica
GIVEN_UP_CHECKS = 12  # in a row, without room for another one: two minutes, within which most outages of others end
ANSWER_S = 2.0  # for the way there and back


class Check(NamedTuple):
    """The outcome of one health check.

    Attributes:
        failure: why it failed, or None.
        asked: whether user code was asked. It is not while it keeps its thread to itself, and when the process does not
            answer at all, which is a failure only of a replica that has just come up.
    """

    failure: StartFailure | None
    asked: bool = True


async def check(tag: str, actor: Any, timeout_s: float) -> Check:
    """Check a replica once.

    Args:
        timeout_s: seconds the user's check may take, and before that, wait for its turn.
    """
    answer_s = 2 * timeout_s + ANSWER_S
    try:
        return Check(None, await within(answer_s, actor.check_health.remote(timeout_s)))
    except asyncio.TimeoutError:
        text = f"TimeoutError: its health check did not end within {answer_s:g} s"
        return Check(StartFailure(tag, text, "", "health"), asked=False)
    except ActorUnavailableError as error:  # it may be alive
        return Check(StartFailure(tag, f"{type(error).__name__}: {error}", "", "health"), asked=False)
    except RayActorError as error:
        return Check(StartFailure(tag, f"{type(error).__name__}: {error}", "", "died"))
    except RayError as error:
        return Check(StartFailure(tag, str(getattr(error, "cause", error)), "", "health"))


async def failed_check(tag: str, actor: Any, timeout_s: float, limit_s: float) -> StartFailure | None:
    """Check a replica until user code has been asked or does not answer at all: why that failed, or None.

    Args:
        limit_s: seconds for which user code may keep its thread from being asked.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + limit_s
    while True:
        failure, asked = await check(tag, actor, timeout_s)
        if asked or failure is not None:
            return failure
        if loop.time() >= deadline:
            text = f"TimeoutError: user code kept its thread for {limit_s:g} s, so that its health check could not run"
            return StartFailure(tag, text, "", "timeout")


async def failed_first_check(tag: str, actor: Any, timeout_s: float, limit_s: float) -> StartFailure | None:
    """`failed_check` of a replica that has just come up, which may also hang by now."""
    checking = asyncio.ensure_future(failed_check(tag, actor, timeout_s, limit_s))
    hanging = asyncio.ensure_future(actor.wait_until_gone.remote())
    try:
        await asyncio.wait((checking, hanging), return_when=asyncio.FIRST_COMPLETED)
        if not checking.done() and hanging.exception() is None:
            return StartFailure(tag, hanging.result(), "", "hung")
        return await checking  # one that died is told by its check
    finally:
        checking.cancel()
        if not hanging.cancel() and not hanging.cancelled():
            hanging.exception()  # looked at, so that nobody reports it


async def within(timeout_s: float, call: Awaitable[Answer]) -> Answer:
    """As `asyncio.wait_for`, which before Python 3.12 forgets a cancellation that comes together with the answer."""
    answer = asyncio.ensure_future(call)
    try:
        await asyncio.wait({answer}, timeout=timeout_s)
        if not answer.done():
            raise asyncio.TimeoutError
        return answer.result()
    finally:
        answer.cancel()
