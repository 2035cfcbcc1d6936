"""What those who look after replicas work with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from legacy.control.capacity import surely_has_capacity
from legacy.control.environments import Environments
from legacy.control.publish import Publisher
from legacy.control.store import Store


@dataclass(frozen=True)
class Tools:
    """Seams for tests, one object for all backends."""

    store: Store
    publisher: Publisher
    launcher: Any
    environments: Environments
    start_timeout_s: float
    has_capacity: Callable[[Mapping[str, Any]], Awaitable[bool]] = surely_has_capacity
