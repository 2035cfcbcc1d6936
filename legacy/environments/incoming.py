"""An archive that arrives in pieces from another machine."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import Path

from legacy.environments.archive import Archive
from legacy.environments.cache import Cache
from legacy.environments.disk import explained
from legacy.environments.job import Job
from legacy.errors import EnvironmentFailedError


class Incoming:
    """The file being written. Made by `receiving`.

    Attributes:
        present: the archive, when another process had brought it already: nothing needs to be written.
    """

    def __init__(self, cache: Cache, digest: str, size: int, path: Path, job: Job) -> None:
        self.present = cache.archive(digest)
        self._cache, self._digest, self._size, self._path, self._job = cache, digest, size, path, job
        self._hash = hashlib.sha256()
        self._got = 0
        self._file = None if self.present else path.open("xb")

    def write(self, chunk: bytes) -> None:
        """Append the next piece.

        Raises:
            EnvironmentFailedError: more arrives than was announced, the disk is full, or the job's time is up.
        """
        self._job.step("receiving", self._got / max(1, self._size))
        self._got += len(chunk)
        if self._got > self._size:
            raise EnvironmentFailedError(
                f"environment {self._job.label}: more than the announced {self._size} bytes arrived; send it again"
            )
        self._hash.update(chunk)
        with explained(self._job.label, "receiving its archive", self._path.parent):
            assert self._file is not None, "nothing needs to be written when the archive is present"
            self._file.write(chunk)

    def commit(self) -> Archive:
        """Put the file at its place.

        Raises:
            EnvironmentFailedError: it is cut short or damaged; it is thrown away.
        """
        if self.present is not None:
            return self.present
        found = self._hash.hexdigest()
        if self._got != self._size or found != self._digest:
            raise EnvironmentFailedError(
                f"environment {self._job.label}: the archive arrived damaged: {self._got} of {self._size} bytes, "
                f"SHA-256 {found} instead of {self._digest}; send it again"
            )
        with explained(self._job.label, "receiving its archive", self._path.parent):
            self.close()
            place = self._cache.complete(self._path, "archives", self._digest, self._job.label)
        self.present = Archive(self._digest, str(place), self._size)
        return self.present

    def close(self) -> None:
        """Close the file; more than once is fine."""
        if self._file is not None:
            self._file.close()


@contextlib.contextmanager
def receiving(cache: Cache, digest: str, size: int, job: Job) -> Iterator[Incoming]:
    """Take an archive in: `write` its pieces in order, then `commit`. Without `commit` nothing stays.

    Args:
        digest: SHA-256 of the whole file, in hex.
        size: of the whole file, in bytes.

    Raises:
        EnvironmentFailedError: another process has been receiving it for too long, or the disk is full.
    """
    with cache.working(digest, job), cache.half_done("archives", digest) as path:
        with explained(job.label, "receiving its archive", path.parent):
            incoming = Incoming(cache, digest, size, path, job)
        try:
            yield incoming
        finally:
            with contextlib.suppress(OSError):  # a full disk shows again when the rest of the buffer is written
                incoming.close()
        if incoming.present is not None:
            cache.evict(keep=[digest])
