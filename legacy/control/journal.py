"""Records that may lag behind: written as soon as the store takes them, by whoever cannot wait for it.

What a command promises is written before it goes on. Where a replica is in its life, or which routers there are, is
known from elsewhere: the next life of the controller asks the actors, and waits for routers that are silent. So a store
that is away for a while holds up nobody who only notes such things.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from legacy.logs import logger

RETRY_S = 1.0


class Journal:
    """Writes to a store now or later. One event loop.

    Args:
        save, remove: the store's own, which raise when it is away.
    """

    def __init__(self, save: Callable[[str, str, Any], None], remove: Callable[[str, str], None]) -> None:
        self._save, self._remove = save, remove
        self._behind: dict[tuple[str, str], Any] = {}

    @property
    def behind(self) -> int:
        """How many records the store has not taken yet."""
        return len(self._behind)

    def is_behind(self, kind: str, name: str) -> bool:
        """Whether the store has not taken the last of one record yet."""
        return (kind, name) in self._behind

    def save(self, kind: str, name: str, record: Any) -> None:
        """Write one record, as soon as that is possible."""
        self._write((kind, name), record)

    def remove(self, kind: str, name: str) -> None:
        """Forget one record, as soon as that is possible."""
        self._write((kind, name), None)

    def overtaken(self, kind: str, name: str) -> None:
        """What is behind of one record is not wanted any more: a later write of it came first."""
        self._behind.pop((kind, name), None)

    def close(self) -> None:
        """Write nothing more: the instance ends, and its records with it."""
        self._behind.clear()

    def _write(self, key: tuple[str, str], record: Any) -> None:
        waiting = bool(self._behind)
        self._behind[key] = record
        if not waiting:
            self._catch_up()

    def _catch_up(self) -> None:
        try:
            for (kind, name), record in list(self._behind.items()):
                if record is None:
                    self._remove(kind, name)
                else:
                    self._save(kind, name, record)
                self._behind.pop((kind, name), None)
        except Exception as error:  # a client of the GCS raises many kinds; the records are kept and tried again
            logger.warning("the store took no records (%s), trying again; %d wait", error, self.behind)
            asyncio.get_running_loop().call_later(RETRY_S, self._catch_up)
