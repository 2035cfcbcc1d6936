"""Directories that nobody but this user can enter."""

from __future__ import annotations

import os
import stat


def make_private(directory: str) -> None:
    """Make the directory for this user alone; PermissionError when it is somebody else's or others may enter it."""
    os.makedirs(directory, mode=0o700, exist_ok=True)
    found = os.lstat(directory)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        text = f"{directory} must be a directory of this user with mode 0700; remove it or set SERVE_COMPAT_RUN_DIR"
        raise PermissionError(text)
