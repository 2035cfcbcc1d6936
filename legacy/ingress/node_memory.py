"""How much memory a process may use: what the node has, or less where a control group (a container) says so."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

_MEMBERSHIP = Path("proc/self/cgroup")
_GROUPS = Path("sys/fs/cgroup")


def usable_memory(root: Path = Path("/")) -> int:
    """Bytes of memory.

    Args:
        root: where /proc and /sys are.
    """
    return min([os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"), *_limits(root)])


def _limits(root: Path) -> Iterator[int]:
    """What the control groups of this process allow, of either version of the kernel's interface."""
    with contextlib.suppress(OSError):  # a kernel without control groups
        for line in (root / _MEMBERSHIP).read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if not controllers:
                yield from _of_group(root / _GROUPS, path, "memory.max")
            elif "memory" in controllers.split(","):
                yield from _of_group(root / _GROUPS / "memory", path, "memory.limit_in_bytes")


def _of_group(mount: Path, path: str, name: str) -> Iterator[int]:
    # In a container the mount begins at its own group, whatever path that has outside: only the mount's root is there.
    here = Path(path.lstrip("/"))
    for group in (here, *here.parents):
        with contextlib.suppress(OSError, ValueError):  # not there, or "max"
            yield int((mount / group / name).read_text())
