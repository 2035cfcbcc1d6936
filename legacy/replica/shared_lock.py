"""Lets requests pass, and now and then something that must be alone: `reconfigure` of a deployment."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from legacy.errors import DeadlineError


class Turnstile:
    """Counts who is inside; can be closed until nobody is. Lives on one event loop.

    Attributes:
        shut: whoever comes must wait with `opened`.
    """

    __slots__ = ("_empty", "_inside", "_open", "shut")

    def __init__(self) -> None:
        self.shut = False
        self._inside = 0
        self._open = asyncio.Event()
        self._empty = asyncio.Event()

    async def enter(self) -> None:
        """Go in, after a closing that is going on. Call `leave` afterwards, unless this raised."""
        while self.shut:
            await self._open.wait()
        self._inside += 1

    def leave(self) -> None:
        """Go out."""
        self._inside -= 1
        if self.shut and not self._inside:
            self._empty.set()

    @asynccontextmanager
    async def closed(self, timeout_s: float) -> AsyncIterator[None]:
        """Wait until nobody is inside and let nobody in for the body of the `async with`.

        Args:
            timeout_s: seconds to wait for those who are inside.

        Raises:
            DeadlineError: somebody stayed longer.
        """
        while self.shut:
            await self._open.wait()
        self.shut = True
        self._open.clear()
        self._empty.clear()
        try:
            if self._inside:
                await self._wait_until_empty(timeout_s)
            yield
        finally:
            self.shut = False
            self._open.set()

    async def _wait_until_empty(self, timeout_s: float) -> None:
        try:
            await asyncio.wait_for(self._empty.wait(), timeout_s)
        except asyncio.TimeoutError:
            raise DeadlineError(
                f"reconfigure waited {timeout_s:g} s for {self._inside} running requests to end, and they did not"
            ) from None
