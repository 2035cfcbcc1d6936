"""Asks the user's `check_health`, without taking a handler that works for a check that hangs."""

from __future__ import annotations

import asyncio

from legacy.errors import RayServeException
from legacy.logs import logger
from legacy.replica.faults import error_text
from legacy.replica.invoke import Servable
from legacy.replica.user_loop import UserLoop, contained

TURN_S = 0.1  # a loop that takes longer to come to its next task is kept by user code


async def ask(servable: Servable, user: UserLoop, tag: str, timeout_s: float) -> bool:
    """Ask once. Whether there was an answer: while user code keeps its loop, for minutes if it likes, nothing is known.

    Args:
        tag: the replica's, for messages.
        timeout_s: seconds that the check may take from its beginning.

    Raises:
        RayServeException: the check raised, or took longer though it had the loop.
    """
    late = RayServeException(f"check_health of {tag} was not done after {timeout_s:g} s")
    if not await user.is_free(timeout_s):
        if _is_asking(user):
            raise late
        return False
    asked = asyncio.ensure_future(user.run(contained, servable.check_health))
    await asyncio.wait((asked,), timeout=timeout_s)
    if not asked.done():
        asked.cancel()
        if not _is_asking(user) and not await user.is_free(TURN_S):
            return False
        raise late
    if (error := asked.exception()) is not None:  # the controller must not unpickle user exceptions
        logger.error("check_health of %s raised", tag, exc_info=error)
        raise RayServeException(f"check_health of {tag} raised {error_text(error)}")
    return True


def _is_asking(user: UserLoop) -> bool:
    frame = user.frame()
    while frame is not None and frame.f_code is not Servable.check_health.__code__:
        frame = frame.f_back
    return frame is not None
