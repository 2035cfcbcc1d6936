"""What of bodies does not fit into memory, in temporary files without names; threads do what may wait for disks."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

_MEMORY = ("tmpfs", "ramfs")  # kinds of file systems that are memory themselves
_SHARE_OF_FREE = 4  # a quarter of what is free there may be used

T = TypeVar("T")


def spill_room(most: int, mounts: Path = Path("/proc/self/mounts")) -> int:
    """How many bytes may be put aside, `most` at most; 0 where temporary files are memory.

    Args:
        mounts: what is mounted where, as the kernel tells it.
    """
    directory = os.path.realpath(tempfile.gettempdir())
    kind, longest = "", ""
    for line in mounts.read_text().splitlines():
        _, where, found = line.split()[:3]
        if os.path.join(directory, "").startswith(os.path.join(where, "")) and len(where) >= len(longest):
            kind, longest = found, where
    return 0 if kind in _MEMORY else min(most, shutil.disk_usage(directory).free // _SHARE_OF_FREE)


class Spill:
    """Bytes that are written once, in order, and read in order, perhaps more than once. `close` must follow.

    Raises:
        OSError: also of `append`, and `next`: no file can be made, written or read.
    """

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - `close` closes it
        self._lock = threading.Lock()  # held while a thread uses the file
        self._size = 0
        self._position = 0

    @property
    def at_end(self) -> bool:
        """Whether all of it has been read."""
        return self._position == self._size

    def rewind(self) -> None:
        """Begin to read anew."""
        self._position = 0

    async def append(self, data: bytes) -> None:
        """Write more."""
        if await self._work(lambda: os.pwrite(self._file.fileno(), data, self._size)) < len(data):
            raise OSError(f"only a part of {len(data)} bytes could be written to a temporary file")
        self._size += len(data)

    async def next(self, size: int) -> bytes:
        """Read up to so many bytes."""
        data = await self._work(lambda: os.pread(self._file.fileno(), size, self._position))
        if not data and not self.at_end:
            raise OSError("a temporary file has lost bytes")
        self._position += len(data)
        return data

    def close(self) -> None:
        """Drop all of it; a thread that uses the file just now, for somebody who has been cancelled, ends first."""
        if self._lock.acquire(blocking=False):
            self._file.close()
            self._lock.release()
        else:
            asyncio.get_running_loop().run_in_executor(None, self._close_when_free)

    def _close_when_free(self) -> None:
        with self._lock:
            self._file.close()

    async def _work(self, function: Callable[[], T]) -> T:
        def alone() -> T:
            with self._lock:
                return function()

        return await asyncio.get_running_loop().run_in_executor(None, alone)
