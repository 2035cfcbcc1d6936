"""On which nodes a replica could run at all, and how to keep it on some of them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from legacy.cluster import Node
from legacy.control.placement import demand_of, how_many_fit

NODE_LABEL = "ray.io/node-id"


def possible_nodes(actor_options: Mapping[str, Any], nodes: Iterable[Node]) -> list[Node]:
    """The nodes that are large enough for a replica, busy or not; the one that its options name, if they name one."""
    strategy = actor_options.get("scheduling_strategy")
    if isinstance(strategy, NodeAffinitySchedulingStrategy) and not strategy.soft:
        return [node for node in nodes if node.node_id == strategy.node_id]
    demand = demand_of(actor_options)
    return [node for node in nodes if how_many_fit(demand, 1, [node.total])]


def may_pin(actor_options: Mapping[str, Any]) -> bool:
    """Whether `pinned` works beside the options' own wishes; without it a replica may start on any possible node."""
    strategy = actor_options.get("scheduling_strategy")
    return strategy is None or isinstance(strategy, str)


def pinned(actor_options: Mapping[str, Any], node_ids: Sequence[str]) -> dict[str, Any]:
    """The options for a replica that Ray places on one of these nodes, and on no other."""
    if not may_pin(actor_options):
        return dict(actor_options)
    labels = {NODE_LABEL: f"in({','.join(node_ids)})", **(actor_options.get("label_selector") or {})}
    return {**actor_options, "label_selector": labels}
