"""Whether a process of this node computes, as its kernel sees it: for processes that answer nothing themselves."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

LOOKS = 20
PAUSE_S = 0.05


def computes(pid: int) -> bool:
    """Whether some thread of the process wants a CPU, or is held by a debugger, in most looks of a second.

    Blocks for that second. A process that is stopped wants none; one that waits for ever wakes only for Ray's own
    threads, which is seldom. How much CPU it gets plays no part, so that a busy machine does not make it look idle.
    """
    wanted = 0
    for _ in range(LOOKS):
        wanted += not _states(pid).isdisjoint("Rt")
        time.sleep(PAUSE_S)
    return wanted > LOOKS // 2


def _states(pid: int) -> set[str]:
    found = set()
    for thread in Path(f"/proc/{pid}/task").glob("*"):
        with contextlib.suppress(OSError):  # it has ended
            found.add((thread / "stat").read_text().rpartition(")")[2].split()[0])
    return found
