"""Keeps a router up to date by an endless long poll to the controller.

While the controller is away the router goes on with the last snapshot; nothing is lost by a poll that failed, since the
next one says the same again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Literal

from legacy.logs import logger
from legacy.records import Poll, Update
from legacy.seldom import Seldom
from legacy.traffic.router import Router

FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 0.25  # commands wait for routers that a restarted controller knows from its life before
POLL_TIMEOUT_S = 60.0  # the controller answers within 30 s; later than this it is not there any more


async def follow(
    fetch: Callable[[Poll], Awaitable[Update]],
    router: Router,
    router_id: str,
    kind: Literal["proxy", "handle"],
    applied: Callable[[Update], None] | None = None,
) -> None:
    """Apply every update the controller publishes to the router, until cancelled.

    Args:
        fetch: sends one poll and returns the answer; it may raise anything.
        router: the router to keep up to date.
        router_id: tells this router from all others, across restarts of the controller.
        kind: a replica sees HTTP requests to their end by itself, so a proxy reports none that are not over.
        applied: told of each update that changed something, after it is in force.
    """
    pause, untold, seldom = 0.0, False, Seldom()
    while True:
        try:
            epoch = "" if untold else router.epoch  # all of it once more
            unfinished = router.unfinished() if kind == "handle" else frozenset[str]()
            poll = Poll(router_id, kind, epoch, router.version, unfinished, router.load())
            update = await asyncio.wait_for(fetch(poll), POLL_TIMEOUT_S)
            changed = update.full or (update.epoch, update.version) != (router.epoch, router.version)
            router.apply(update)
            if changed and applied is not None:
                untold = True
                applied(update)
                untold = False
        except Exception as error:  # whatever went wrong, requests are served by the last snapshot and the poll goes on
            if untold:
                seldom.failed(f"what follows from the news of router {router_id}")
            elif not pause:
                logger.warning(
                    "router %s: no routing news (%s); goes on with version %s", router_id, error, router.version
                )
            pause = min(LONGEST_PAUSE_S, max(FIRST_PAUSE_S, 2 * pause))
            await asyncio.sleep(pause)
            continue
        if pause:
            logger.info("router %s: routing news again, version %s", router_id, router.version)
        pause = 0.0
