"""A readers-writer lock: requests share it, `reconfigure` of a deployment holds it alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from legacy.errors import DeadlineError


class SharedLock:
    """Held by any number of requests or by one who must be alone. Lives on one event loop."""

    __slots__ = ("_drained", "_exclusive", "_free", "_holders")

    def __init__(self) -> None:
        self._exclusive = False
        self._holders = 0
        self._free = asyncio.Event()
        self._drained = asyncio.Event()

    async def acquire(self) -> None:
        """Share the lock, once nobody holds it alone. Call `release` afterwards, unless this raised."""
        while self._exclusive:
            await self._free.wait()
        self._holders += 1

    def release(self) -> None:
        """Give it back."""
        self._holders -= 1
        if self._exclusive and not self._holders:
            self._drained.set()

    @asynccontextmanager
    async def exclusive(self, timeout_s: float) -> AsyncIterator[None]:
        """Wait until nobody shares the lock, and hold it alone for the body of the `async with`.

        Args:
            timeout_s: seconds to wait for those who share it.

        Raises:
            DeadlineError: somebody kept it longer.
        """
        while self._exclusive:
            await self._free.wait()
        self._exclusive = True
        self._free.clear()
        self._drained.clear()
        try:
            if self._holders:
                await self._wait_until_drained(timeout_s)
            yield
        finally:
            self._exclusive = False
            self._free.set()

    async def _wait_until_drained(self, timeout_s: float) -> None:
        try:
            await asyncio.wait_for(self._drained.wait(), timeout_s)
        except asyncio.TimeoutError:
            raise DeadlineError(
                f"reconfigure waited {timeout_s:g} s for {self._holders} running requests to end, and they did not"
            ) from None
