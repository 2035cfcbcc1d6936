"""Names for the deployments of a graph. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from serve_compat.graph.nodes import ClassNode, FunctionNode

Deployed = ClassNode | FunctionNode


def names(nodes: Sequence[Deployed], application: str = "") -> dict[int, str]:
    """id of node -> name of its deployment.

    A name given by option is kept; functions and classes that use their own name get `Model`, `Model_1`, `Model_2`. Two
    nodes with the same given name are one deployment when they are the same in everything.

    Args:
        nodes: in the order in which they are named.
        application: of a named run; put in front of all names (Ray 2.3).

    Raises:
        ValueError: different nodes have the same given name.
    """
    chosen: dict[str, Deployed] = {}
    found: dict[int, str] = {}
    for node in nodes:
        name = node._deployment.name
        if name != node._deployment.func_or_class.__name__:
            other = chosen.setdefault(name, node)
            if not _same(other, node):
                raise ValueError(
                    f"two different deployments of the graph have the name {name!r}; give one of them another name "
                    "with .options(name=...), or bind it once and use the node twice"
                )
            found[id(node)] = name
    for node in nodes:
        if id(node) not in found:
            name = _free(node._deployment.name, chosen)
            chosen[name] = node
            found[id(node)] = name
    return {key: f"{application}_{name}" if application else name for key, name in found.items()}


def _free(name: str, taken: dict[str, Deployed]) -> str:
    free, number = name, 0
    while free in taken:
        number += 1
        free = f"{name}_{number}"
    return free


def _same(one: Deployed, other: Deployed) -> bool:
    if one is other:
        return True
    left, right = one._deployment, other._deployment
    if left.func_or_class is not right.func_or_class or left != right:
        return False
    # a function's arguments belong to the call, not to the deployment
    mine, others = ((node._bound_args, node._bound_kwargs) for node in (one, other))
    return isinstance(one, FunctionNode) or _equal(mine, others)


def _equal(one: Any, other: Any) -> bool:
    try:
        return bool(one == other)
    except Exception:  # arrays, frames and user classes may refuse to be compared in any way
        return False
