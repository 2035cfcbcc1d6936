"""`ray.serve.context`: of Ray 0.8 what a handler looks at while it answers a call, of Ray 1.13 the client in use."""

from __future__ import annotations

import sys
from enum import IntEnum
from typing import Any

from legacy import eras
from legacy.client import Client
from legacy.replica.call_context import BATCH_SIZE, WEB
from legacy.replica.context import ReplicaContext
from legacy.session.instances import instances
from serve_compat.names.teaching import missing

__all__ = ["ReplicaContext", "TaskContext", "batch_size", "get_global_client", "web"]  # noqa: F822 - by __getattr__


class TaskContext(IntEnum):
    """Where a call came from."""

    Web = 1
    Python = 2


def get_global_client() -> Client:
    """A Client for the instance that module functions work on (Ray 1.13-2.6); RayServeException when there is none."""
    return Client(instances.current(), eras.chosen().client)


def __getattr__(name: str) -> Any:
    if name == "web":
        return WEB.get()
    if name == "batch_size":
        return BATCH_SIZE.get()
    raise missing(name, __name__, __all__, sys._getframe(1))
