"""Whether replicas fit into the free resources of the nodes. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

_SPECIAL = {"num_cpus": "CPU", "num_gpus": "GPU", "memory": "memory", "object_store_memory": "object_store_memory"}


def demand_of(actor_options: Mapping[str, Any]) -> dict[str, float]:
    """The resources one replica takes, by Ray's resource names; zero demands are left out."""
    demand = {ray_name: float(actor_options.get(key) or 0) for key, ray_name in _SPECIAL.items()}
    demand.update({name: float(amount) for name, amount in (actor_options.get("resources") or {}).items()})
    return {name: amount for name, amount in demand.items() if amount > 0}


def how_many_fit(demand: Mapping[str, float], count: int, nodes: Iterable[Mapping[str, float]]) -> int:
    """How many of `count` equal replicas can be placed at once.

    Args:
        demand: resource -> amount for one replica.
        nodes: the free resources of each node.
    """
    placed = 0
    for free in nodes:
        room = min((int((free.get(name, 0.0) + 1e-9) / amount) for name, amount in demand.items()), default=count)
        placed += room
        if placed >= count:
            return count
    return placed
