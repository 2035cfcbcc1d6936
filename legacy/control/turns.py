"""Whose turn it is to change a backend: one change of it at a time, in the order in which they came."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator


class Turns:
    """The lines of those who wait, by the backend's tag. One event loop."""

    def __init__(self) -> None:
        self._lines: dict[str, deque[asyncio.Future[None]]] = {}  # a tag is here while somebody has the turn

    @contextlib.asynccontextmanager
    async def take(self, tag: str, next_one: bool = False) -> AsyncIterator[None]:
        """Wait for the turn and have it for the length of the block; with `next_one` go before all who wait."""
        line = self._lines.get(tag)
        if line is None:
            self._lines[tag] = deque()
        else:
            await self._wait(tag, line, next_one)
        try:
            yield
        finally:
            self._pass_on(tag)

    async def _wait(self, tag: str, line: deque[asyncio.Future[None]], next_one: bool) -> None:
        mine = asyncio.get_running_loop().create_future()
        (line.appendleft if next_one else line.append)(mine)
        try:
            await mine
        except asyncio.CancelledError:
            if not mine.cancelled():  # it was given in the same moment
                self._pass_on(tag)
            raise

    def _pass_on(self, tag: str) -> None:
        line = self._lines[tag]
        while line:
            if not (first := line.popleft()).done():  # else who waited has gone
                first.set_result(None)
                return
        del self._lines[tag]
