"""The tar file of an environment, written so that only names, contents and modes count: no times, no owners."""

from __future__ import annotations

import os
import stat
import struct
import tarfile
from pathlib import Path
from typing import IO, Any

from legacy.environments.job import Job
from legacy.errors import EnvironmentFailedError

WRITTEN_AT = 1_000_000_000  # the one time that all files get; not 0, which zip tools refuse
_BLOCK = 2**20
_HEADER = 16  # of a .pyc file: magic number, flags, time and size of its source


class TreeWriter:
    """What conda-pack's Packer calls an archive: takes files from anywhere under the names they are to have.

    Args:
        stream: where the tar file goes.
        environment: conda-pack's list of files; bytecode is checked against the sources in it.
        job: names the environment in errors.
    """

    def __init__(self, stream: IO[bytes], environment: Any, job: Job) -> None:
        self._stream = stream
        self._prefix = str(environment.prefix)
        self._sources = {file.target: file.source for file in environment.files if file.target.endswith(".py")}
        self._job = job
        self.without_prefix: set[str] = set()  # names of rewritten files that do not mention the environment's place

    def add(self, source: str, target: str) -> None:
        """Add a file, a link or an empty directory.

        Raises:
            EnvironmentFailedError: a link that leads out of the environment to a directory.
        """
        try:
            found = os.lstat(source)
        except FileNotFoundError:
            return  # removed since the list was made
        if stat.S_ISLNK(found.st_mode):
            self._add_link(source, target)
        elif stat.S_ISDIR(found.st_mode):
            self._put(_member(target, tarfile.DIRTYPE, found.st_mode))
        elif target.endswith(".pyc"):
            self.add_bytes(source, Path(source).read_bytes(), target)
        elif stat.S_ISREG(found.st_mode):
            with open(source, "rb") as file:
                self._add_file(target, file)

    def add_bytes(self, source: str, sourcebytes: bytes, target: str) -> None:
        """Add a file with other content than it has on the disk, or one that conda-pack has looked through."""
        if self._prefix.encode() not in sourcebytes:
            self.without_prefix.add(target)
        data = self._bytecode(sourcebytes, target) if target.endswith(".pyc") else sourcebytes
        if data is not None:
            self._add_data(target, os.lstat(source).st_mode, data)

    def close(self) -> None:
        """Write the end of the tar file."""
        self._stream.write(bytes(2 * tarfile.BLOCKSIZE))

    def _put(self, member: tarfile.TarInfo, data: bytes = b"") -> None:
        # one call per file: TarFile.addfile makes four, and each one of them talks to the compressor's threads
        header = member.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape")
        self._stream.write(b"".join((header, data, bytes(-len(data) % tarfile.BLOCKSIZE))))

    def _add_data(self, target: str, mode: int, data: bytes) -> None:
        member = _member(target, tarfile.REGTYPE, mode)
        member.size = len(data)
        self._put(member, data)

    def _add_file(self, target: str, file: IO[bytes]) -> None:
        found = os.fstat(file.fileno())
        if found.st_size <= _BLOCK:
            self._add_data(target, found.st_mode, file.read())
            return
        member = _member(target, tarfile.REGTYPE, found.st_mode)
        member.size = left = found.st_size
        self._stream.write(member.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape"))
        while left:
            data = file.read(min(_BLOCK, left))
            if not data:
                raise EnvironmentFailedError(
                    f"environment {self._job.label} cannot be packed: {target} became shorter meanwhile; pack it again "
                    "when nothing changes in it"
                )
            left -= len(data)
            self._stream.write(data)
        self._stream.write(bytes(-found.st_size % tarfile.BLOCKSIZE))

    def _add_link(self, source: str, target: str) -> None:
        leads_to = _inside(os.readlink(source), target, self._prefix)
        if leads_to is not None:
            member = _member(target, tarfile.SYMTYPE, 0o777)
            member.linkname = leads_to
            self._put(member)
        elif os.path.isdir(source):
            raise EnvironmentFailedError(
                f"environment {self._job.label} cannot be packed: the link {target} leads out of it to the directory "
                f"{os.path.realpath(source)}; remove the link, or copy the directory in its place"
            )
        elif os.path.isfile(source):
            self._add_data(target, os.stat(source).st_mode, Path(source).read_bytes())
        # a link to nothing is of no use elsewhere either

    def _bytecode(self, data: bytes, target: str) -> bytes | None:
        """Bytecode that is valid for the unpacked source; None for what would have to be compiled again anyway."""
        if len(data) < _HEADER:
            return None
        flags, compiled_at, size = struct.unpack_from("<III", data, 4)
        if flags:  # checked by hash or not at all
            return data
        folder, name = os.path.split(target)
        if os.path.basename(folder) != "__pycache__":
            return data  # there is no source to compare with
        text = self._sources.get(os.path.join(os.path.dirname(folder), name.split(".")[0] + ".py"))
        if text is None or not os.path.exists(text):
            return None
        found = os.stat(text)
        if (int(found.st_mtime) & 0xFFFFFFFF, found.st_size & 0xFFFFFFFF) != (compiled_at, size):
            return None
        return data[:8] + struct.pack("<I", WRITTEN_AT) + data[12:]


def _member(target: str, kind: bytes, mode: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(target)
    member.type, member.mode, member.mtime = kind, 0o755 if mode & 0o100 else 0o644, WRITTEN_AT
    return member


def _inside(leads_to: str, target: str, prefix: str) -> str | None:
    """Where a link leads, relative to it, when that is inside the environment; else None."""
    here = os.path.dirname(os.path.join(prefix, target))
    end = os.path.normpath(os.path.join(here, leads_to))
    if end != prefix and not end.startswith(prefix + os.sep):
        return None
    return os.path.relpath(end, here) if os.path.isabs(leads_to) else leads_to
