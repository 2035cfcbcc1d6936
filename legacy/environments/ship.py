"""Fetch an archive from another node, piece by piece: a few pieces are on their way at a time, whatever its size."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from legacy.environments.archive import CHUNK_BYTES, Archive
from legacy.environments.cache import Cache
from legacy.environments.incoming import receiving
from legacy.environments.job import Job
from legacy.environments.origin import Offer

WINDOW = 3  # pieces on their way: enough to keep the wire busy, 24 MiB in memory


def fetched(
    offer: Offer, ask: Callable[[int], Any], take: Callable[[Any, float], bytes], cache: Cache, job: Job
) -> Archive:
    """The archive in this node's cache; nothing is sent when it is there already.

    Args:
        ask: begins to send the piece at an offset, gives a reference to it.
        take: the piece of such a reference; its second argument is how long to wait, in seconds.

    Raises:
        EnvironmentFailedError: damaged, no room, or no time; nothing stays.
    """
    there = cache.archive(offer.digest)
    if there is not None:
        return there
    with receiving(cache, offer.digest, offer.size, job) as incoming:
        if incoming.present is not None:
            return incoming.present
        offsets = iter(range(0, offer.size, CHUNK_BYTES))
        coming: deque[Any] = deque()
        job.step("receiving")
        while True:
            while len(coming) < WINDOW and (offset := next(offsets, None)) is not None:
                coming.append(ask(offset))
            if not coming:
                return incoming.commit()
            incoming.write(take(coming.popleft(), job.left()))
