"""Which replica this process is, for user code that asks. Light to import: replicas import it at their start."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from legacy.errors import RayServeException


@dataclass
class ReplicaContext:
    """What user code may know about the replica it runs in (Ray 1.3-2.6: `serve.get_replica_context()`).

    Attributes:
        backend_tag: the backend's name.
        replica_tag: `<backend>#<6 letters>`; a new process always has a new tag.
        servable_object: the user's function or instance; None while its constructor runs.
        controller_name, namespace: how to reach the instance the replica belongs to.
    """

    backend_tag: str
    replica_tag: str
    servable_object: Any
    controller_name: str
    namespace: str

    @property
    def deployment(self) -> str:
        """The backend's name as deployments call it (Ray 1.4+)."""
        return self.backend_tag


_current: ReplicaContext | None = None


def current() -> ReplicaContext | None:
    """The context of this process, or None outside a replica."""
    return _current


def set_current(context: ReplicaContext | None) -> None:
    """Make `context` this process's own. One replica is one process, so there is one at most."""
    global _current
    _current = context


def get_replica_context() -> ReplicaContext:
    """What a replica knows of itself (Ray 1.3-2.6); RayServeException in a process that is none."""
    replica = current()
    if replica is None:
        raise RayServeException(
            "there is no replica context here: this process is not a replica; call it in a backend's code"
        )
    return replica


def get_current_backend_tag() -> str:
    """The tag of the backend this code runs in (Ray 1.2); RayServeException outside a replica."""
    return get_replica_context().backend_tag


def get_current_replica_tag() -> str:
    """The tag of the replica this code runs in (Ray 1.2); RayServeException outside a replica."""
    return get_replica_context().replica_tag
