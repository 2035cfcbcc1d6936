"""Small tar files, well-formed and hostile ones."""

import hashlib
import io
import tarfile
from pathlib import Path

from legacy.environments.archive import Archive

PYTHON = ("bin/python", b"#!/bin/sh\necho demo\n")


def file(name, data=b"x", mode=0o755):
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(data), mode
    return member, data


def link(name, target, kind=tarfile.SYMTYPE):
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member, b""


def archive(path: Path, *members, compression="gz"):
    """An Archive with a bin/python and these members."""
    with tarfile.open(path, f"w:{compression}") as tar:
        for member, data in (file(*PYTHON), *members):
            tar.addfile(member, io.BytesIO(data) if member.isreg() else None)
    return described(path)


def described(path: Path):
    data = path.read_bytes()
    return Archive(hashlib.sha256(data).hexdigest(), str(path), len(data))
