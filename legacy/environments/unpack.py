"""Unpack an archive once per node, all of it or nothing, and nowhere else."""

from __future__ import annotations

import os
import shutil
import tarfile
from pathlib import Path
from typing import IO

from legacy.environments.archive import Archive, check_hash
from legacy.environments.cache import Cache
from legacy.environments.compression import UNREADABLE, ahead, kind_of
from legacy.environments.disk import explained
from legacy.environments.job import Job
from legacy.environments.members import Members
from legacy.environments.relocate import relocate
from legacy.errors import EnvironmentFailedError

_BLOCK = 2**20
_TAR_BUFFER = 2**16  # tarfile copies what is left in its buffer at each read


def unpacked(archive: Archive, cache: Cache, job: Job) -> str:
    """The directory of the unpacked environment; at once when it is there already.

    Of several processes one unpacks, the others wait for it. It has its name only when it is complete.

    Raises:
        EnvironmentFailedError: damaged, forbidden members, no room, or no time; nothing is left of it.
    """
    there = cache.prefix(archive.digest)
    if there is None:
        with cache.working(archive.digest, job), cache.half_done("prefixes", archive.digest) as part:
            there = cache.prefix(archive.digest)
            if there is None:
                there = _unpack(archive, part, cache, job)
        cache.evict(keep=[archive.digest])
    cache.lease(archive.digest).release()
    return there


def _unpack(archive: Archive, part: Path, cache: Cache, job: Job) -> str:
    check_hash(archive, job)
    final = cache.place("prefixes", archive.digest)
    with explained(job.label, "unpacking", part.parent):
        part.mkdir(mode=0o700)
        try:
            with open(archive.path, "rb") as file, ahead(file, kind_of(Path(archive.path))) as stream:
                _extract(stream, file, archive.size, part, _DiskSpace(cache.max_bytes, job))
        except (tarfile.TarError, *UNREADABLE) as error:
            raise EnvironmentFailedError(
                f"environment {job.label}: the archive {archive.path} is damaged or no tar file: {error}; pack it again"
            ) from error
        _check_links(part, job)
        if not os.path.lexists(part / "bin" / "python"):
            raise EnvironmentFailedError(
                f"environment {job.label}: the archive {archive.path} has no bin/python at its top: pack a conda "
                "environment that has python, without a leading directory"
            )
        relocate(part, final, job)
        job.step("syncing")
        cache.complete(part, "prefixes", archive.digest, job.label)
    return str(final)


class _DiskSpace:
    """Stops an archive that is larger inside than the whole cache may be."""

    def __init__(self, most: int, job: Job) -> None:
        self.job = job
        self._most = self._left = most

    def take(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise EnvironmentFailedError(
                f"environment {self.job.label}: unpacked it has more than the {self._most} bytes that the cache may "
                "hold; raise SERVE_COMPAT_ENVIRONMENTS_MAX_BYTES"
            )


def _extract(stream: IO[bytes], file: IO[bytes], size: int, part: Path, space: _DiskSpace) -> None:
    members = Members(space.job.label)
    made: set[str] = {""}
    root = str(part)
    with tarfile.open(fileobj=stream, mode="r|", bufsize=_TAR_BUFFER) as tar:
        for member in tar:
            space.job.step("unpacking", min(1.0, file.tell() / max(1, size)))
            name = members.place(member)
            above = os.path.dirname(name)
            if above not in made:
                os.makedirs(os.path.join(root, above), exist_ok=True)
                made.add(above)
            path = os.path.join(root, name)
            if member.isdir():
                os.makedirs(path, exist_ok=True)
            elif member.issym():
                os.symlink(member.linkname, path)
            elif member.islnk():
                os.link(os.path.join(root, members.target(member)), path)
            else:
                space.take(member.size)
                _write(tar, member, path)


def _write(tar: tarfile.TarFile, member: tarfile.TarInfo, path: str) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    try:
        descriptor = os.open(path, flags, 0o600)
    except FileExistsError:
        os.unlink(path)  # a name that comes twice: the last one counts, as for tar itself
        descriptor = os.open(path, flags, 0o600)
    with open(descriptor, "wb") as target:
        source = tar.extractfile(member)
        if source is not None:
            shutil.copyfileobj(source, target, min(_BLOCK, member.size + 1))
        # no set-user-id and no group's or others' right to write come out of an archive
        target.flush()
        os.fchmod(descriptor, 0o755 if member.mode & 0o100 else 0o644)
        os.utime(descriptor, (member.mtime, member.mtime))


def _check_links(part: Path, job: Job) -> None:
    # a chain of links, each of them harmless by name, may lead out
    root = os.path.realpath(part)
    for folder, directories, files in os.walk(part):
        for name in (*directories, *files):
            path = os.path.join(folder, name)
            if os.path.islink(path):
                end = os.path.realpath(path)
                if end != root and not end.startswith(root + os.sep):
                    raise EnvironmentFailedError(
                        f"environment {job.label}: the archive is refused: the link {os.path.relpath(path, part)} "
                        f"leads to {end}, out of the directory"
                    )
