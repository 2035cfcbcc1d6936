"""Reading and writing compressed tar files of every usual kind, as streams of bounded memory."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import lzma
import os
import queue
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, cast

import zstandard

LEVEL = 3  # zstandard's default: faster than most disks, a third of the size
BLOCK_BYTES = 2**20
AHEAD_BLOCKS = 8
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


class _Ahead(io.RawIOBase):
    """A stream that a thread of its own reads ahead, a bounded number of blocks."""

    def __init__(self, stream: IO[bytes]) -> None:
        super().__init__()
        self._blocks: queue.Queue[bytes | BaseException] = queue.Queue(maxsize=AHEAD_BLOCKS)
        self._rest = memoryview(b"")
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(stream,), name="decompress", daemon=True)
        self._thread.start()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._rest:
            block = self._blocks.get()
            if isinstance(block, BaseException):
                self._blocks.put(block)  # so that the next read raises, too, instead of waiting
                raise block
            if not block:
                self._blocks.put(block)
            self._rest = memoryview(block)
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size

    def stop(self) -> None:
        """Let the thread end, before its stream is closed."""
        self._stopped.set()
        while self._thread.is_alive():
            with contextlib.suppress(queue.Empty):
                self._blocks.get(timeout=0.01)
        self._thread.join()

    def _run(self, stream: IO[bytes]) -> None:
        try:
            while not self._stopped.is_set():
                block = stream.read(BLOCK_BYTES)
                self._blocks.put(block)
                if not block:
                    return
        except Exception as error:  # it is the reader's to handle
            self._blocks.put(error)


@contextlib.contextmanager
def ahead(file: IO[bytes], kind: str) -> Iterator[IO[bytes]]:
    """As `decompressed`, in another thread, while what was read before is written to the disk."""
    with decompressed(file, kind) as stream:
        reader = _Ahead(stream)
        try:
            yield io.BufferedReader(reader, BLOCK_BYTES)
        finally:
            reader.stop()


@contextlib.contextmanager
def compressed(file: IO[bytes]) -> Iterator[IO[bytes]]:
    """A stream that writes zstandard, on all processors; the bytes do not depend on their number."""
    compressor = zstandard.ZstdCompressor(level=LEVEL, threads=max(1, os.cpu_count() or 1), write_checksum=True)
    with compressor.stream_writer(file, closefd=False) as writer:
        yield cast("IO[bytes]", writer)
