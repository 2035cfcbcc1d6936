"""Directories and files that nobody but this user can read, and whose things in them are whose.

What is left there may only be swept by who can tell that its process is gone: on this machine, since it started, and in
this pid namespace. Containers often share /tmp.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import platform
import stat
from pathlib import Path


def make_private(directory: str) -> None:
    """Make the directory for this user alone; PermissionError when it is somebody else's or others may enter it."""
    os.makedirs(directory, mode=0o700, exist_ok=True)
    if not is_private(directory):
        text = f"{directory} must be a directory of this user with mode 0700; remove it or set SERVE_COMPAT_RUN_DIR"
        raise PermissionError(text)


def is_private(directory: str) -> bool:
    """Whether it is a directory, and no link to one, that belongs to this user and that others may not enter."""
    found = os.lstat(directory)
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o077


def write_private(path: Path, text: str) -> None:
    """Write a file that only this user can read, also where there was one before."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with open(descriptor, "w") as file:
        os.fchmod(descriptor, 0o600)
        file.write(text)


@functools.cache
def mark() -> str:
    """Eight characters for the names of files: other ones on another host, after a boot, in another pid namespace."""
    known = [platform.node()]
    with contextlib.suppress(OSError):  # not Linux
        known.append(Path("/proc/sys/kernel/random/boot_id").read_text())
        known.append(os.readlink("/proc/self/ns/pid"))
    return hashlib.sha256("\0".join(known).encode()).hexdigest()[:8]
