"""legacy.ingress.spill: bytes come back as they were written, and nothing is left of them."""

from __future__ import annotations

import asyncio
import os
import tempfile
import threading
from pathlib import Path

import pytest

from legacy.ingress.spill import Spill, spill_room


def test_bytes_come_back_in_order_and_again():
    async def play() -> None:
        spill = Spill()
        for number in range(5):
            await spill.append(bytes([number]) * 1000)
        for _ in range(2):
            found = b""
            while not spill.at_end:
                found += await spill.next(700)
            assert found == b"".join(bytes([number]) * 1000 for number in range(5))
            spill.rewind()
        spill.close()

    asyncio.run(play())


def test_no_name_is_left_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    async def play() -> None:
        spill = Spill()
        await spill.append(b"secret")
        assert os.listdir(tmp_path) == []
        spill.close()

    asyncio.run(play())


def test_who_is_cancelled_while_a_thread_writes_closes_the_file_after_it(monkeypatch: pytest.MonkeyPatch):
    go, writing, write = threading.Event(), threading.Event(), os.pwrite

    def slow(descriptor: int, data: bytes, offset: int) -> int:
        writing.set()
        assert go.wait(10)
        return write(descriptor, data, offset)  # to a closed file, or another one, if it was not waited for

    async def play() -> None:
        monkeypatch.setattr("os.pwrite", slow)
        spill = Spill()
        task = asyncio.ensure_future(spill.append(b"x"))
        await asyncio.to_thread(writing.wait, 10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        spill.close()
        assert not spill._file.closed
        go.set()
        await asyncio.get_running_loop().shutdown_default_executor()
        assert spill._file.closed

    asyncio.run(play())


@pytest.mark.parametrize(
    ("mounts", "memory"),
    [
        ("/dev/vda / ext4 rw 0 0", False),
        ("/dev/vda / ext4 rw 0 0\ntmpfs {parent} tmpfs rw 0 0", True),
        ("tmpfs / tmpfs rw 0 0\n/dev/vdb {directory} xfs rw 0 0", False),
        ("/dev/vda / ext4 rw 0 0\ntmpfs {directory}x tmpfs rw 0 0", False),
        ("overlay / overlay rw 0 0\ntmpfs / tmpfs rw 0 0", True),
    ],
)
def test_there_is_room_for_a_quarter_of_what_is_free_but_none_where_files_are_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mounts: str, memory: bool
):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    told = tmp_path / "mounts"
    told.write_text(mounts.format(parent=tmp_path.parent, directory=tmp_path) + "\n")
    room = spill_room(10**18, told)
    assert (room == 0) == memory
    assert spill_room(1000, told) == (0 if memory else 1000)
