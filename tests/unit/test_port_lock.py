"""legacy.port_lock: one process holds it, and the next one gets it the moment that one dies."""

from __future__ import annotations

import asyncio
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from legacy.port_lock import PortLock, sweep_locks
from tests.programs import ROOT

HOLDER = """
import asyncio, sys
from legacy.port_lock import PortLock

async def hold():
    await PortLock(sys.argv[1], "node", 8000).acquire()
    print("held", flush=True)
    await asyncio.sleep(60)

asyncio.run(hold())
"""


@contextmanager
def held_by_another(directory: str) -> Iterator[subprocess.Popen[str]]:
    """Another process holds the lock; it dies when it is killed or the block ends."""
    command = [sys.executable, "-c", HOLDER, directory]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


@pytest.fixture
def directory(tmp_path: Path) -> str:
    return str(tmp_path / "serve-x")


def files(directory: str) -> list[Path]:
    return list(Path(directory).iterdir()) if Path(directory).exists() else []


async def gone_from_the_kernel() -> None:
    """Until no thread of this process waits for a lock any more."""
    while any(thread.name == "port-lock" for thread in threading.enumerate()):
        await asyncio.sleep(0.001)


async def is_free(lock: PortLock) -> bool:
    try:
        await asyncio.wait_for(lock.acquire(), 0.2)
    except asyncio.TimeoutError:
        return False
    return True


def test_who_waits_gets_it_when_its_holder_is_killed(directory: str):
    async def play() -> None:
        lock = PortLock(directory, "node", 8000)
        with held_by_another(directory) as process:
            waiting = asyncio.ensure_future(lock.acquire())
            assert not await is_free(PortLock(directory, "node", 8000))
            process.kill()
            await asyncio.wait_for(waiting, 5)
        (path,) = files(directory)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        lock.release()

    asyncio.run(play())


@pytest.mark.parametrize(("node", "port"), [("node", 8001), ("another", 8000)])
def test_each_port_of_each_node_has_its_own(directory: str, node: str, port: int):
    async def play() -> None:
        with held_by_another(directory):
            assert await is_free(PortLock(directory, node, port))

    asyncio.run(play())


def test_who_waited_while_the_file_was_removed_gets_the_new_one(directory: str):
    async def play() -> None:
        first, second, third = (PortLock(directory, "node", 8000) for _ in range(3))
        await first.acquire()
        waiting = asyncio.ensure_future(second.acquire())
        await asyncio.sleep(0.05)  # its thread waits in the kernel, which tells nobody
        first.release()
        await asyncio.wait_for(waiting, 5)
        assert len(files(directory)) == 1
        assert not await is_free(third)
        second.release()
        assert files(os.path.dirname(directory)) == []

    asyncio.run(play())


def test_who_gave_up_waiting_does_not_hold_it(directory: str):
    async def play() -> None:
        first, second, third = (PortLock(directory, "node", 8000) for _ in range(3))
        await first.acquire()
        assert not await is_free(second)
        first.release()
        await gone_from_the_kernel()
        assert files(os.path.dirname(directory)) == []  # nor does it make a new file
        assert await is_free(third)

    asyncio.run(play())


def test_a_directory_that_is_not_private_is_named(directory: str):
    Path(directory).mkdir()
    Path(directory).chmod(0o755)
    with pytest.raises(PermissionError, match=directory):
        asyncio.run(PortLock(directory, "node", 8000).acquire())


def test_what_a_crash_left_is_swept_and_what_is_held_stays(directory: str):
    with held_by_another(directory):
        assert sweep_locks(directory) == 0
        assert len(files(directory)) == 1
    assert sweep_locks(directory) == 1
    assert files(directory) == []
