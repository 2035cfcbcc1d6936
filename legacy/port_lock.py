"""Which of an instance's proxies on a node may listen on its port: the one that holds a lock on a file.

The kernel gives the lock to who waits for it the moment its holder dies, however it dies. So a proxy that stands by
listens a few milliseconds after the port was lost.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import threading
from collections.abc import Callable
from pathlib import Path

from legacy.private_directory import make_private, mark

_NODE = 12  # characters of its id


class PortLock:
    """The lock of one port on this node. The file is removed by `release`, or by `sweep_locks` after a crash.

    Args:
        directory: the instance's, private to this user; made when it is missing.
        node_id: several nodes may share a machine.
    """

    def __init__(self, directory: str, node_id: str, port: int) -> None:
        self._path = Path(directory, f"{node_id[:_NODE]}-{port}{_suffix()}")
        self._descriptor = -1

    async def acquire(self) -> None:
        """Wait until nobody else holds it. When this is cancelled, it is given back as soon as it comes.

        Raises:
            OSError: the file cannot be made.
        """
        loop = asyncio.get_running_loop()
        held: asyncio.Future[None] = loop.create_future()

        def wait() -> None:
            try:
                outcome: OSError | int = _locked(self._path, lambda: not held.done())
            except OSError as error:
                outcome = error
            with contextlib.suppress(RuntimeError):  # the loop is closed: so is this process in a moment
                loop.call_soon_threadsafe(self._tell, held, outcome)

        # The kernel's wait has no end of its own, so a thread of the loop's pool would keep the process from ending.
        threading.Thread(target=wait, name="port-lock", daemon=True).start()
        await held

    def release(self) -> None:
        """Remove the file, and the directory when nothing else is in it. Does nothing for who does not hold it."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            self._path.unlink(missing_ok=True)
            os.close(descriptor)
            with contextlib.suppress(OSError):  # replicas of the node live there
                self._path.parent.rmdir()

    def _tell(self, held: asyncio.Future[None], outcome: OSError | int) -> None:
        if isinstance(outcome, int):
            self._descriptor = outcome
        if held.done():  # nobody waits any more
            self.release()
        elif isinstance(outcome, int):
            held.set_result(None)
        else:
            held.set_exception(outcome)


def sweep_locks(directory: str) -> int:
    """Remove the files of locks that nobody holds, of this host and pid namespace; gives how many there were."""
    gone = 0
    for path in Path(directory).glob("*" + _suffix()):
        with contextlib.suppress(OSError):  # somebody has just removed it, or holds it
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()
                gone += 1
            finally:
                os.close(descriptor)
    return gone


def _suffix() -> str:
    return f"-{mark()}.port"


def _locked(path: Path, is_wanted: Callable[[], bool]) -> int:
    """The descriptor of the locked file; -1 for who has given up waiting, and then makes no new one."""
    while is_wanted():
        make_private(str(path.parent))
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except FileNotFoundError:  # the directory has just been removed by who found it empty
            continue
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if _is_at(descriptor, path):
            return descriptor
        os.close(descriptor)  # its holder removed the file, so the lock of that name is another one now
    return -1


def _is_at(descriptor: int, path: Path) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(descriptor), os.lstat(path))
    return False
