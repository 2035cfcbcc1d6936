"""Locks between processes of one node that the kernel releases when their holder dies, however it dies."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from legacy.environments.job import Job


class FileLock:
    """A held lock on a file: shared by many or exclusive. Released by `release`, by `with`, or by the holder's death.

    The file stays: removing it would let two processes lock two different files of the same name.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def release(self) -> None:
        """Give it back; more than once is fine."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> FileLock:
        return self

    def __exit__(self, *error: object) -> None:
        self.release()


def attempt(path: Path) -> FileLock | None:
    """Lock the file alone and now, or give None because somebody else holds it. The file is made when missing."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except BaseException:  # the descriptor must not leak, whatever happened
        os.close(descriptor)
        raise
    return FileLock(descriptor)


def acquire(path: Path, job: Job, what: str) -> FileLock:
    """Lock the file alone, waiting for others until the job's time is up.

    Args:
        what: the step that is shown while it waits.

    Raises:
        EnvironmentFailedError: the time is up; the message names the step.
    """
    held = attempt(path)
    while held is None:
        job.step(what)
        job.wait()
        held = attempt(path)
    return held


def shared(path: Path) -> FileLock:
    """Share the lock, after whoever holds it alone; those hold it for a rename only. The file is made when missing."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    return FileLock(descriptor)
