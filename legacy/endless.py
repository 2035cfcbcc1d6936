"""What is done for as long as something lives: an error of it is logged, at most once a second, and it goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from legacy.seldom import Seldom


async def go_on(what: str, work: Callable[[], Awaitable[None]], pause_s: float) -> None:
    """Do it until it returns; after an error once more.

    Args:
        what: as the log names it.
        pause_s: seconds from an error until then.
    """
    seldom = Seldom()
    while True:
        try:
            await work()
        except Exception:  # whatever it was, nobody else would do this work from now on
            seldom.failed(what)
            await asyncio.sleep(pause_s)
        else:
            return
