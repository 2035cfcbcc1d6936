"""The channels from this process to the backends of one instance."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

from legacy.calls.channel import Channel
from legacy.traffic.slots import Slots


class Channels:
    """By backend tag. Called by any thread.

    Args:
        slots: gives the slots of a backend as the newest news have them.
    """

    def __init__(self, slots: Callable[[str], Slots]) -> None:
        self._slots = slots
        self._lock = threading.Lock()
        self._newest: dict[str, Channel] = {}
        self._old: list[Channel] = []  # to backends that were deleted, until their calls are over

    def get(self, tag: str) -> Channel:
        """The channel to the backend that has this tag now."""
        slots = self._slots(tag)
        channel = self._newest.get(tag)
        if channel is not None and channel.slots is slots:
            return channel
        with self._lock:
            channel = self._newest.get(tag)
            if channel is None or channel.slots is not slots:
                if channel is not None:  # the tag was deleted and used again
                    self._old.append(channel)
                channel = self._newest[tag] = Channel(slots)
            return channel

    def refresh(self, changed: Iterable[str]) -> None:
        """News are in force: these backends changed, and some of all may be gone."""
        with self._lock:
            for tag in changed:
                if tag in self._newest:
                    self._newest[tag].forget_methods()
            for tag, channel in list(self._newest.items()):
                if channel.slots.is_over:
                    self._old.append(self._newest.pop(tag))

    def reap(self) -> list[Channel]:
        """Give back the slots of all calls that are over, and forget channels that nobody needs; gives the others."""
        with self._lock:
            channels = [*self._newest.values(), *self._old]
        for channel in channels:
            channel.reap()
            channel.doubts.look()
        with self._lock:
            self._old = [channel for channel in self._old if channel.in_flight]
        return channels
