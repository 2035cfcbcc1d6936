"""Asking the cluster whether replicas fit right now, for generations that raise instead of waiting (Ray 0.8-1.3)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from legacy import cluster
from legacy.control.placement import demand_of, how_many_fit
from legacy.errors import ResourcesError
from legacy.logs import logger

SETTLE_S = 3.0  # how long freed resources may take to show before "no room" is believed
LOOK_S = 0.1
NODES_SHOWN = 5


async def check_capacity(tag: str, actor_options: Mapping[str, Any], count: int) -> None:
    """Return when `count` more replicas fit into what is free, else raise ResourcesError, worded as in Ray 1.2."""
    demand = demand_of(actor_options)
    loop = asyncio.get_running_loop()
    deadline = loop.time() + SETTLE_S
    while True:
        free = await loop.run_in_executor(None, cluster.available_per_node)
        fitting = how_many_fit(demand, count, free.values())
        if fitting >= count:
            return
        if loop.time() >= deadline:
            raise ResourcesError(
                f"Cannot scale backend {tag!r}: {count} more replicas of {demand} were asked for, {fitting} fit. "
                f"Free now: {[dict(node) for node in free.values()]}. "
                "Ask for fewer replicas, lower ray_actor_options, or add nodes"
            )
        await asyncio.sleep(LOOK_S)


async def lacking(actor_options: Mapping[str, Any], count: int) -> str:
    """What `count` more replicas need and the nodes have not free, as text; "" when they fit."""
    demand = demand_of(actor_options)
    free = await asyncio.get_running_loop().run_in_executor(None, cluster.available_per_node)
    if how_many_fit(demand, count, free.values()) >= count:
        return ""
    shown = [{name: node.get(name, 0.0) for name in demand} for node in free.values()]
    return f"each needs {demand}, free on the nodes: {', '.join(map(str, shown[:NODES_SHOWN]))}"


async def has_capacity(actor_options: Mapping[str, Any]) -> bool:
    """Whether one more replica fits into what is free right now."""
    free = await asyncio.get_running_loop().run_in_executor(None, cluster.available_per_node)
    return how_many_fit(demand_of(actor_options), 1, free.values()) == 1


async def surely_has_capacity(actor_options: Mapping[str, Any]) -> bool:
    """The same for those who must not fail: no room is taken for granted when it cannot be read."""
    try:
        return await has_capacity(actor_options)
    except Exception:  # whatever Ray raises while the GCS is away
        logger.exception("the free resources could not be read; none are taken for granted")
        return False
