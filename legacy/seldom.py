"""A warning that may come a thousand times a second is logged once a second, with how many there were."""

from __future__ import annotations

import time
import traceback

from legacy.logs import logger

EVERY_S = 1.0
_MOST_KEYS = 1024


class Seldom:
    """Warnings of one kind, each with a key of its own."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[float, int]] = {}  # when it was logged, and how often it came since

    def warn(self, key: str, text: object) -> None:
        """Log the text, unless one with this key was logged within the last second."""
        now = time.monotonic()
        last, more = self._known.get(key, (-EVERY_S, 0))
        if now - last < EVERY_S:
            self._known[key] = (last, more + 1)
            return
        if len(self._known) >= _MOST_KEYS:
            self._known.clear()
        self._known[key] = (now, 0)
        logger.warning("%s%s", text, f" (and {more} times since it was logged last)" if more else "")

    def failed(self, what: str) -> None:
        """Log the exception that is being handled, like `warn`: what is done again and again goes on all the same."""
        self.warn(what, f"{what} failed and goes on: {traceback.format_exc()}")
