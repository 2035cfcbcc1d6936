"""A packed environment as a file: its identity is the hash of its bytes."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from legacy.environments.job import Job
from legacy.errors import EnvironmentFailedError

CHUNK_BYTES = 8 * 2**20


@dataclass(frozen=True)
class Archive:
    """A packed environment on this machine.

    Attributes:
        digest: SHA-256 of the file, in hex. The same content has the same digest wherever it was packed.
        path: of the file.
        size: of the file, in bytes.
    """

    digest: str
    path: str
    size: int

    def read(self, offset: int, size: int = CHUNK_BYTES) -> bytes:
        """Some bytes of the file, for sending; b"" past its end."""
        with open(self.path, "rb") as file:
            return os.pread(file.fileno(), size, offset)

    def chunks(self, size: int = CHUNK_BYTES) -> Iterator[bytes]:
        """The whole file in pieces of `size` bytes."""
        for offset in range(0, self.size, size):
            yield self.read(offset, size)


def hashed(path: Path, job: Job, what: str = "checking") -> str:
    """SHA-256 of a file, in hex; shows progress."""
    digest, done = hashlib.sha256(), 0
    with path.open("rb") as file:
        size = max(1, os.fstat(file.fileno()).st_size)
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
            done += len(chunk)
            job.step(what, min(1.0, done / size))
    return digest.hexdigest()


def check_hash(archive: Archive, job: Job) -> None:
    """Compare the file with its digest before anything in it is believed; EnvironmentFailedError when it is another."""
    size = os.path.getsize(archive.path) if os.path.exists(archive.path) else -1
    if size != archive.size:
        found = "is gone" if size < 0 else f"has {size} bytes instead of {archive.size}"
        raise EnvironmentFailedError(f"environment {job.label}: the archive {archive.path} {found}; send it again")
    found = hashed(Path(archive.path), job)
    if found != archive.digest:
        raise EnvironmentFailedError(
            f"environment {job.label}: the archive {archive.path} is damaged: its SHA-256 is {found}, not "
            f"{archive.digest}; send or pack it again"
        )
