"""Writing trees to disk: errors that say what is full or forbidden, durability, removal."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from legacy.errors import EnvironmentFailedError

_REMEDIES = {
    errno.ENOSPC: "the disk is full; make room or put the cache elsewhere with SERVE_COMPAT_ENVIRONMENTS_DIR",
    errno.EDQUOT: "the disk quota is used up; make room or put the cache elsewhere with SERVE_COMPAT_ENVIRONMENTS_DIR",
    errno.EFBIG: "the file is larger than this process may write (ulimit -f)",
    errno.EROFS: "the file system is read-only; put the cache elsewhere with SERVE_COMPAT_ENVIRONMENTS_DIR",
    errno.EACCES: "this user may not write there; put the cache elsewhere with SERVE_COMPAT_ENVIRONMENTS_DIR",
}


@contextlib.contextmanager
def explained(label: str, doing: str, where: Path) -> Iterator[None]:
    """Turn an OSError of the block into an error that names the environment, the place and the remedy.

    Args:
        label: the environment.
        doing: for example "unpacking".

    Raises:
        EnvironmentFailedError: the block raised an OSError.
    """
    try:
        yield
    except OSError as error:
        remedy = _REMEDIES.get(error.errno or 0, "")
        raise EnvironmentFailedError(
            f"environment {label}: {doing} in {where} failed: {error}" + (f": {remedy}" if remedy else "")
        ) from error


def sync_tree(directory: Path) -> None:
    """Let everything written below the directory reach the disk, so that a later rename never names empty files."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        # one flush of the file system: fsync of each of some 20,000 files takes minutes
        syncfs = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
        if syncfs is None:
            os.sync()
        elif syncfs(descriptor) != 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code), str(directory))
    finally:
        os.close(descriptor)


def sync_directory(directory: Path) -> None:
    """Make a rename inside the directory durable."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove(path: Path) -> None:
    """Remove a file or a tree, even one whose directories are read-only; nothing when there is none."""
    if path.is_symlink() or path.is_file():
        path.unlink(missing_ok=True)
        return
    for root, directories, _ in os.walk(path):
        for name in directories:
            inner = Path(root, name)
            if not inner.is_symlink():
                inner.chmod(0o700)
    shutil.rmtree(path, ignore_errors=True)


def tree_bytes(directory: Path) -> int:
    """The size of all files below the directory, in bytes; links count nothing."""
    total = 0
    for root, _, files in os.walk(directory):
        for name in files:
            with contextlib.suppress(FileNotFoundError):
                found = os.lstat(os.path.join(root, name))
                total += found.st_size
    return total
