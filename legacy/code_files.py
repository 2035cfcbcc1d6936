"""Code that is too large for the cluster's store, in files of one node: named by its content, checked when it is read.

A file begins with "SCF1" and a line of JSON, [[size, whether it may be written to], ...]; then come the parts.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import mmap
import os
import shutil
import uuid
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import IO

from legacy.errors import RayServeException
from legacy.large_code import Pickled
from legacy.private_directory import make_private, mark

PREFIX = "code-"
MAGIC = b"SCF1"
_PIECE = 2**23
_LONGEST_HEAD = 2**20


class CodeFiles:
    """The files of one instance on this node.

    Args:
        directory: the instance's private directory.
        raylet: the process id of the node's raylet: who finds it gone may remove the files.
    """

    def __init__(self, directory: str, raylet: str) -> None:
        self._parent = directory
        self._directory = Path(directory, f"{PREFIX}{mark()}-{raylet}")

    def write(self, code: Pickled) -> tuple[Path, str]:
        """Write it under a name of its own; gives that and the name it is to have, see `commit`.

        Raises:
            RayServeException: the disk does not take it; nothing of it is left.
        """
        part = self._directory / f".{uuid.uuid4().hex}"
        try:
            make_private(self._parent)
            self._directory.mkdir(mode=0o700, exist_ok=True)
            descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with open(descriptor, "wb") as file:
                return part, _written(code, file)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise RayServeException(
                f"{code.size} bytes of code and arguments cannot be kept in {self._directory} of the head node: "
                f"{error.strerror}; make room there, or set SERVE_COMPAT_RUN_DIR to another directory"
            ) from error

    def commit(self, part: Path, name: str) -> None:
        """Give a file its name; one that has the name already has the same content."""
        os.replace(part, self._directory / name)

    def size(self, name: str) -> int | None:
        """The bytes of a file; None when it is not there."""
        with contextlib.suppress(FileNotFoundError):
            return (self._directory / name).stat().st_size
        return None

    def read(self, name: str) -> Pickled | None:
        """What was kept under a name, mapped into memory and not copied; None when it is gone or damaged."""
        try:
            with open(self._directory / name, "rb") as file:
                view = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        except (OSError, ValueError):  # an empty file cannot be mapped
            return None
        return _parsed(view) if _digest(view) == name else None

    def keep(self, names: Collection[str]) -> None:
        """Remove all files but these, and what a writer that was killed left."""
        for path in self._directory.glob("*"):
            if path.name not in names:
                path.unlink(missing_ok=True)

    def remove(self, name: str) -> None:
        """Forget a file; one that is not there is fine."""
        (self._directory / name).unlink(missing_ok=True)

    def close(self) -> None:
        """Remove all of them, and the instance's directory when it is empty."""
        shutil.rmtree(self._directory, ignore_errors=True)
        with contextlib.suppress(OSError):  # sockets of replicas are still there
            os.rmdir(self._parent)


def sweep(directory: str) -> int:
    """Remove the files of nodes that are gone, if they lived in our pid namespace. Gives how many there were."""
    gone = 0
    for files in Path(directory).glob(f"{PREFIX}{mark()}-*"):
        raylet = files.name.rpartition("-")[2]
        if raylet.isdigit() and not Path("/proc", raylet).exists():
            shutil.rmtree(files, ignore_errors=True)
            gone += 1
    return gone


def _written(code: Pickled, file: IO[bytes]) -> str:
    head = [[part.nbytes, writable] for part, writable in ((code.stream, False), *code.buffers)]
    digest = hashlib.sha256()
    for part in (memoryview(MAGIC + json.dumps(head).encode() + b"\n"), *code.parts):
        for piece in _pieces(part):
            file.write(piece)
            digest.update(piece)
    return digest.hexdigest()


def _digest(view: memoryview) -> str:
    digest = hashlib.sha256()
    for piece in _pieces(view):
        digest.update(piece)
    return digest.hexdigest()


def _pieces(view: memoryview) -> Iterator[memoryview]:
    return (view[at : at + _PIECE] for at in range(0, view.nbytes, _PIECE))


def _parsed(view: memoryview) -> Pickled:
    head, newline, _ = bytes(view[:_LONGEST_HEAD]).partition(b"\n")
    at = len(head) + len(newline)
    parts = []
    for size, writable in json.loads(head[len(MAGIC) :]):
        parts.append((view[at : at + size], writable))
        at += size
    return Pickled(parts[0][0], parts[1:])
