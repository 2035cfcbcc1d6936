"""Reading and writing compressed tar files of every usual kind, as streams of bounded memory."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import lzma
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, cast

import zstandard

LEVEL = 3  # zstandard's default: faster than most disks, a third of the size
_MAGIC = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bzip2", b"\xfd7zXZ": "xz"}
UNREADABLE = (zstandard.ZstdError, EOFError, lzma.LZMAError, gzip.BadGzipFile)


def kind_of(path: Path) -> str:
    """The compression by the file's first bytes: gzip, zstd, bzip2, xz, or "" for none."""
    with path.open("rb") as file:
        head = file.read(8)
    return next((kind for magic, kind in _MAGIC.items() if head.startswith(magic)), "")


@contextlib.contextmanager
def decompressed(file: IO[bytes], kind: str) -> Iterator[IO[bytes]]:
    """The stream of what was compressed.

    Args:
        kind: as `kind_of` says.
    """
    if kind == "zstd":
        with zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True, closefd=False) as reader:
            yield cast("IO[bytes]", reader)
        return
    opener: Any = {"gzip": gzip.open, "bzip2": bz2.open, "xz": lzma.open}.get(kind)
    if opener is None:
        yield file
        return
    with opener(file, "rb") as reader:
        yield reader


@contextlib.contextmanager
def compressed(file: IO[bytes]) -> Iterator[IO[bytes]]:
    """A stream that writes zstandard, on all processors; the bytes do not depend on their number."""
    compressor = zstandard.ZstdCompressor(level=LEVEL, threads=max(1, os.cpu_count() or 1), write_checksum=True)
    with compressor.stream_writer(file, closefd=False) as writer:
        yield cast("IO[bytes]", writer)
