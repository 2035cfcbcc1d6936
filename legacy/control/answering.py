"""Finds replicas whose process answers nothing any more, and leaves those alone that are too busy to answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from ray.exceptions import ActorUnavailableError, RayActorError, RayError

from legacy.control.health import within
from legacy.logs import logger

UNANSWERED = 3  # in a row
AGAIN_S = 0.5  # until a replica that could not be reached is asked again


async def until_gone(actor: Any) -> str:
    """Wait until a replica says why it hangs.

    Raises:
        RayError: it died.
    """
    while True:
        try:
            return str(await actor.wait_until_gone.remote())
        except ActorUnavailableError:  # it is alive, or Ray does not know yet that it is not
            await asyncio.sleep(AGAIN_S)


async def until_silent(
    tag: str, actor: Any, limits: Callable[[], tuple[float, float]], is_working: Callable[[], Awaitable[bool]]
) -> bool:
    """Ask a replica again and again whether it answers.

    Args:
        limits: seconds between two questions, and for an answer; asked each time, since they may change. The first
            question comes at once, since a controller that was killed may have been about to ask the last one, and
            so does the next one after an answer that did not come.
        is_working: whether its process is seen to compute, with Python's lock held all the time.

    Returns:
        True once it is silent for good; False when it died, which others see too.
    """
    missed, left_alone = 0, False
    while missed < UNANSWERED:
        period_s, timeout_s = limits()
        if missed:
            answered, works = await asyncio.gather(_answers(actor, timeout_s), is_working())
        else:
            answered, works = await _answers(actor, timeout_s), False
        if answered is None:
            return False
        missed = 0 if answered else missed + 1
        left_alone = left_alone and not answered
        if missed == UNANSWERED and works:
            if not left_alone:
                logger.warning("replica %r answers nothing, but computes: it is left alone", tag)
            missed, left_alone = missed - 1, True
        if answered:
            await asyncio.sleep(period_s)
    return True


async def _answers(actor: Any, timeout_s: float) -> bool | None:
    try:
        await within(timeout_s, actor.alive.remote())
    except ActorUnavailableError:  # it may be alive, and has as long to be back as for an answer
        await asyncio.sleep(timeout_s)
        return False
    except RayActorError:
        return None
    except (RayError, asyncio.TimeoutError):
        return False
    return True
