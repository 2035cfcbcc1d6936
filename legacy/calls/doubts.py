"""Replicas that could not be reached though they may be alive: they get no calls until they say that they are."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from ray.exceptions import ActorUnavailableError

from legacy.records import ReplicaAddress


class Doubts:
    """Of one backend's replicas. `add` is called by any thread, `look` by one.

    Args:
        trust: told the tag of a replica that answers again.
    """

    def __init__(self, trust: Callable[[str], None]) -> None:
        self._trust = trust
        self._asked: dict[str, tuple[ReplicaAddress, Future[Any] | None]] = {}

    def __bool__(self) -> bool:
        return bool(self._asked)

    def add(self, replica: ReplicaAddress) -> None:
        """Ask this one whether it is alive, at the next look."""
        self._asked.setdefault(replica.tag, (replica, None))

    def look(self) -> None:
        """See who has answered, and ask again who could not be reached then either. Does not wait."""
        for tag, (replica, asked) in list(self._asked.items()):
            if asked is not None and not asked.done():
                continue
            if asked is None or isinstance(asked.exception(), ActorUnavailableError):
                self._asked[tag] = replica, replica.actor.alive.remote().future()
                continue
            del self._asked[tag]
            if asked.exception() is None:  # else it is dead: the controller's next news do not name it
                self._trust(tag)
