"""A process that cannot open another file."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress


@contextmanager
def none_left(below: int = 0) -> Iterator[Callable[[], None]]:
    """This process has used all its descriptors; when what is given is called, those that got free meanwhile too.

    Args:
        below: its limit is lowered to so many fewer than it uses.
    """
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    high = [os.dup(0) for _ in range(below)]
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(map(int, os.listdir("/proc/self/fd"))) - below, before[1]))
    filler: list[int] = []

    def fill() -> None:
        with suppress(OSError):
            while True:
                filler.append(os.dup(0))

    fill()
    try:
        yield fill
    finally:
        for descriptor in (*filler, *high):
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
