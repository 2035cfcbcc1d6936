"""`ray.serve.context`: of Ray 0.8 `web` and `batch_size`, which a handler looks at while it answers a call."""

from __future__ import annotations

import sys
from enum import IntEnum
from typing import Any

from legacy.replica.context import ReplicaContext
from legacy.replica.occasion import BATCH_SIZE, WEB
from serve_compat.teaching import missing

__all__ = ["ReplicaContext", "TaskContext", "batch_size", "web"]  # noqa: F822 - those in small letters are found by __getattr__


class TaskContext(IntEnum):
    """Where a call came from."""

    Web = 1
    Python = 2


def __getattr__(name: str) -> Any:
    if name == "web":
        return WEB.get()
    if name == "batch_size":
        return BATCH_SIZE.get()
    raise missing(name, __name__, __all__, sys._getframe(1))
