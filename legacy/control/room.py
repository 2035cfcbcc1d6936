"""Seeing that a replica waits for room in the cluster, so that whoever waits for the replica can be told."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from legacy.control.fleet import Fleet, Live
from legacy.control.plan import State

SOON_S = 1.5  # until the first look
FREED_S = 6.0  # the same where a replica has just gone: the next one has its room before anybody sees that it is free
LOOK_S = 2.0


async def watch_room(live: Live, fleet: Fleet, launcher: Any, actor_options: Mapping[str, Any]) -> None:
    """Say in `live.waits_for` what a replica lacks as long as no node has room for it. Begun before its actor is made.

    Where there was room for all that start, what is missing afterwards is what they have taken themselves.
    """
    starting = sum(other.seen.state is State.STARTING for other in fleet.replicas.values())
    if not await launcher.lacking(actor_options, starting):
        return
    freed_s = fleet.last_gone + FREED_S - asyncio.get_running_loop().time()
    await asyncio.sleep(max(SOON_S, freed_s))
    while live.seen.state is State.STARTING and await launcher.is_waiting(live.actor):
        live.waits_for = await launcher.lacking(actor_options, 1)
        await asyncio.sleep(LOOK_S)
    live.waits_for = ""
