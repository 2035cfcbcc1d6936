"""What user code may ask about the replica it runs in. Light to import, since replicas import it while they start."""

from __future__ import annotations

from legacy.errors import RayServeException
from legacy.replica import context
from legacy.replica.context import ReplicaContext


def get_replica_context() -> ReplicaContext:
    """What a replica knows of itself: `backend_tag`, `replica_tag`, `servable_object` (Ray 1.3-2.6).

    Raises:
        RayServeException: this process is no replica.
    """
    replica = context.current()
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
