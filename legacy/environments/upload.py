"""An archive that a program outside the cluster sends to a node, piece by piece."""

from __future__ import annotations

import asyncio
import queue

from legacy.environments.archive import Archive
from legacy.environments.cache import Cache
from legacy.environments.incoming import receiving
from legacy.environments.job import Job
from legacy.environments.origin import Offer
from legacy.errors import EnvironmentFailedError

PIECES = 2  # that wait for the disk


class Upload:
    """Takes numbered pieces, in whatever order calls bring them, and writes them in a thread. Made in an event loop.

    Args:
        offer: what is to come.
        timeout_s: how long the sender may pause, in seconds; then nothing stays.
    """

    def __init__(self, label: str, offer: Offer, cache: Cache, timeout_s: float) -> None:
        self._offer = offer
        self._pieces: queue.Queue[tuple[int, bytes]] = queue.Queue(PIECES)
        self._timeout_s = timeout_s
        self._order = asyncio.Lock()
        self._work = asyncio.ensure_future(asyncio.to_thread(self._receive, cache, Job(label, timeout_s)))

    async def take(self, number: int, piece: bytes) -> None:
        """One piece, the first is number 0; EnvironmentFailedError when what came before could not be written."""
        async with self._order:
            putting: asyncio.Future[object] = asyncio.ensure_future(asyncio.to_thread(self._put, (number, piece)))
            working: asyncio.Future[object] = asyncio.ensure_future(asyncio.shield(self._work))
            await asyncio.wait([putting, working], return_when=asyncio.FIRST_COMPLETED)
            working.cancel()
            if self._work.done():
                await self._work

    async def done(self) -> Archive:
        """Wait until everything is on the disk; EnvironmentFailedError when it is damaged, or there is no room."""
        return await self._work

    def _put(self, piece: tuple[int, bytes]) -> None:
        # the writer may have given up: then nobody takes it, and `take` raises what the writer raised
        while not self._work.done():
            try:
                return self._pieces.put(piece, timeout=1.0)
            except queue.Full:
                continue

    def _receive(self, cache: Cache, job: Job) -> Archive:
        with receiving(cache, self._offer.digest, self._offer.size, job) as incoming:
            got, number = 0, 0
            early: dict[int, bytes] = {}  # no more than the sender has on their way
            while incoming.present is None and got < self._offer.size:
                while number not in early:
                    try:
                        early.update([self._pieces.get(timeout=self._timeout_s)])
                    except queue.Empty:
                        raise EnvironmentFailedError(f"environment {job.label}: its upload was broken off") from None
                piece = early.pop(number)
                incoming.write(piece)
                got, number = got + len(piece), number + 1
            return incoming.commit()
