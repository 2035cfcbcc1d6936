"""Which nodes run HTTP proxies, how many, and when one of them has to be ended. Pure."""

from __future__ import annotations

import random
from collections.abc import Sequence

from legacy.cluster import Node
from legacy.http_options import DeploymentMode, HTTPOptions
from legacy.records import ProxyState

MISSES = 3  # looks in a row that a proxy did not answer
STARTING_MISSES = 15  # the same of one that starts: a minute
MOST_DOUBLINGS = 4


def nodes_with_proxy(options: HTTPOptions, nodes: Sequence[Node]) -> list[str]:
    """The ids of the nodes that run a proxy, of the living ones; `nodes` begins with the head."""
    if options.location is DeploymentMode.NoServer:
        return []
    if options.location is DeploymentMode.HeadOnly:
        return [node.node_id for node in nodes[:1]]
    ids = [node.node_id for node in nodes]
    if options.location is DeploymentMode.FixedNumber and options.fixed_number_replicas is not None:
        seed = options.fixed_number_selection_seed
        # ranking by a seeded hash keeps the choice stable while nodes come and go
        ids.sort(key=lambda node_id: random.Random(f"{seed}:{node_id}").random())
        return ids[: options.fixed_number_replicas]
    return ids


def has_standby(options: HTTPOptions) -> bool:
    """Whether nodes get a second proxy at all: a port that is chosen anew each time cannot be taken over."""
    return options.standby_after_s is not None and options.port != 0


def is_due(options: HTTPOptions, served_s: float | None) -> bool:
    """Whether a node that has one proxy shall get its second one now.

    Args:
        served_s: how long its clients have been served; None when they are not yet.
    """
    after_s = options.standby_after_s
    return after_s is not None and has_standby(options) and served_s is not None and served_s >= after_s


def is_hung(state: ProxyState, misses: int, ended: int = 0) -> bool:
    """Whether a proxy is to be ended since it does not answer.

    One that starts may take its time, and twice as long each time it was ended for that: where starting is slow, it
    must succeed some day.

    Args:
        misses: looks in a row that it did not answer.
        ended: how often it has been ended since it last answered.
    """
    if state is ProxyState.STARTING:
        return misses >= STARTING_MISSES * 2 ** min(ended, MOST_DOUBLINGS)
    return misses >= MISSES


def shown(state: ProxyState, error: Exception | None, node_is_served: bool) -> str:
    """A proxy's state for operators.

    Args:
        node_is_served: another proxy of its node runs, so this one only stands by.
    """
    if error is not None:
        return f"{type(error).__name__}: {error}"
    return f"STANDBY ({state.value.lower()})" if node_is_served and state is ProxyState.STARTING else state.value
