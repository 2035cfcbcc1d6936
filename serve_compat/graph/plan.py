"""What a graph does for one request: the calls in order, and where their arguments come from. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from serve_compat.graph.nodes import (
    CALL,
    ClassMethodNode,
    ClassNode,
    DAGNode,
    FunctionNode,
    InputAttributeNode,
    needed_calls,
)
from serve_compat.graph.reading import read
from serve_compat.graph.tree import LEFT, found_in, ordered, replaced


@dataclass(frozen=True)
class Result:
    """Stands for the result of an earlier step."""

    step: int


@dataclass(frozen=True)
class Read:
    """Stands for the request (no path) or a part of it: ("item" or "attr", key) for every step into it."""

    path: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True)
class Step:
    """One call. `Result` and `Read` in its arguments are filled in for each request.

    Attributes:
        after: an earlier step that must be over before, though its result is not needed; None for none.
    """

    deployment: str
    method: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    after: int | None = None

    def arguments(
        self, results: Sequence[Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments of the call for a request (`args`, `kwargs`), after the steps that gave `results`."""

        def fill(value: Any) -> Any:
            if isinstance(value, Result):
                return results[value.step]
            return read(value.path, args, kwargs) if isinstance(value, Read) else LEFT

        return replaced(self.args, fill), replaced(self.kwargs, fill)


@dataclass(frozen=True)
class Plan:
    """The steps for one request; the last one gives the answer."""

    steps: tuple[Step, ...]


def plan_of(root: DAGNode, names: Mapping[int, str], handle_to: Callable[[ClassNode], Any]) -> Plan:
    """The plan of a function or method node and everything it needs; a node that is used twice is called once.

    A call whose result nobody takes is made for what it does to its object: it is over before the next one of that
    object is made. Ray may run other calls of one object in any order.

    Args:
        names: id of node -> deployment.
        handle_to: what a call gets for a class node among its arguments.

    Raises:
        ValueError: it reads two different InputNodes.
    """
    nodes = ordered(root, needed_calls)
    inputs = {id(node._input) for node in nodes if isinstance(node, InputAttributeNode)}
    if len(inputs) > 1:
        raise ValueError(f"{root!r} reads {len(inputs)} different InputNodes; use one `with InputNode() as ...` for it")
    calls = [node for node in nodes if isinstance(node, (FunctionNode, ClassMethodNode))]
    places = {id(node): place for place, node in enumerate(calls)}
    taken = {id(each) for node in calls for each in found_in((node._bound_args, node._bound_kwargs), DAGNode)}

    def after(node: FunctionNode | ClassMethodNode) -> int | None:
        before = node._before if isinstance(node, ClassMethodNode) else None
        return None if before is None or id(before) in taken else places[id(before)]

    def stand_in(value: Any) -> Any:
        if isinstance(value, InputAttributeNode):
            return Read(value._path)
        if isinstance(value, ClassNode):
            return handle_to(value)
        return Result(places[id(value)]) if isinstance(value, DAGNode) else LEFT

    return Plan(tuple(replace(_step(node, names, stand_in), after=after(node)) for node in calls))


def _step(node: FunctionNode | ClassMethodNode, names: Mapping[int, str], stand_in: Callable[[Any], Any]) -> Step:
    args, kwargs = replaced(node._bound_args, stand_in), replaced(node._bound_kwargs, stand_in)
    if isinstance(node, FunctionNode):
        return Step(names[id(node)], CALL, args, kwargs)
    return Step(names[id(node._class_node)], node._method, args, kwargs)
