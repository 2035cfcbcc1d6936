"""Running a graph without serve: a Ray task per function, an actor per class. For trying it out (Ray 1.12-2.6)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

import ray

from serve_compat.graph.tree import LEFT, ordered, replaced

N = TypeVar("N", bound="Executable")


class Executable(Protocol):
    """What runs: a node of a graph, whatever it stands for."""

    def _start(self, own: Callable[[Any], Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Its result for a call of the graph; `own` puts the results of others into the place of nodes."""


def executed(root: N, parts: Callable[[N], Sequence[N]], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The result of a node, each node below it run once: an ObjectRef, or for a class the handle of an actor."""
    nodes = ordered(root, parts)
    results: dict[int, Any] = {}

    def result(value: Any) -> Any:
        return results.get(id(value), LEFT)

    for node in nodes:
        results[id(node)] = node._start(lambda value: replaced(value, result), args, kwargs)
    _keep_until_done(results[id(root)], list(results.values()))
    return results[id(root)]


def _keep_until_done(answer: Any, results: list[Any]) -> None:
    """Keep a call's actors until its answer is there: Ray ends one without handles before its first call."""
    if isinstance(answer, ray.ObjectRef):  # an actor's handle is its caller's to keep
        answer.future().add_done_callback(lambda done: results.clear())


def remote(target: Any, options: dict[str, Any] | None) -> Any:
    """A function or class as Ray runs it, with the actor options of its deployment."""
    made = ray.remote(target)
    return made.options(**options) if options else made
