"""Descriptors that are held for nothing, so that one can be had when others of the process have taken all."""

from __future__ import annotations

import os


class Reserve:
    """Holds descriptors.

    Args:
        size: how many.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._held: list[int] = []

    def fill(self) -> bool:
        """Hold as many as it should; False when there are not so many left."""
        while len(self._held) < self._size:
            try:
                self._held.append(os.open(os.devnull, os.O_RDONLY))
            except OSError:
                return False
        return True

    def give_up(self) -> bool:
        """Let one go for who opens something right after this; False when none is held.

        It is the one with the lowest number: a limit that was lowered below what is in use forbids the high ones.
        """
        if not self._held:
            return False
        lowest = min(self._held)
        self._held.remove(lowest)
        os.close(lowest)
        return True

    def empty(self) -> None:
        """Let all go."""
        while self.give_up():
            pass
