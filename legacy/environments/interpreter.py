"""The last step on every node: the interpreter of an environment that lies there, as Ray starts replicas with it."""

from __future__ import annotations

import contextlib
import os
import shlex
from dataclasses import dataclass
from pathlib import Path

from legacy.environments.activate import write_wrapper
from legacy.environments.cache import TREES, Cache
from legacy.environments.job import Job
from legacy.environments.locks import FileLock
from legacy.environments.overlay import overlay, overlay_digest
from legacy.environments.wanted import Wanted
from legacy.errors import EnvironmentFailedError


@dataclass(frozen=True)
class Interpreter:
    """How an environment on this node is started.

    Attributes:
        label: its name in messages.
        prefix: its directory.
        py_executable: for Ray's runtime_env, quoted for the shell.
        wrapper: the script that starts its Python.
        digest: its key in the cache; "" when it is used in place.
    """

    label: str
    prefix: str
    py_executable: str
    wrapper: str
    digest: str


class Lease:
    """Keeps an environment and what lies on top of it from being evicted, until `release` or the process's end."""

    def __init__(self, held: list[FileLock]) -> None:
        self._held = held

    def release(self) -> None:
        """Give it back; more than once is fine."""
        for lock in self._held:
            lock.release()

    def __enter__(self) -> Lease:
        return self

    def __exit__(self, *error: object) -> None:
        self.release()


def prepare_interpreter(prefix: str, wanted: Wanted, cache: Cache, job: Job) -> tuple[Interpreter, Lease]:
    """Make replicas startable in the environment: its `pip` packages, its start script.

    Args:
        prefix: its directory on this node.

    Returns:
        What to start replicas with, and the lease to keep while they run or may be started.

    Raises:
        EnvironmentFailedError: it is gone, or a step failed.
    """
    digest = _digest(prefix, cache)
    with contextlib.ExitStack() as held:
        locks = [held.enter_context(cache.lease(digest))] if digest else []
        if not os.access(os.path.join(prefix, "bin", "python"), os.X_OK):
            raise EnvironmentFailedError(
                f"environment {wanted.label}: {prefix} is gone or has no python; deploy again to prepare it again"
            )
        python = os.path.join(prefix, "bin", "python")
        if wanted.pip:
            locks.append(held.enter_context(cache.lease(overlay_digest(prefix, wanted.pip))))
            python = str(overlay(prefix, wanted.pip, cache, job) / "bin" / "python")
        wrapper = write_wrapper(prefix, wanted.label, python, cache)
        held.pop_all()
    found = Interpreter(wanted.label, prefix, shlex.quote(str(wrapper)), str(wrapper), digest)
    return found, Lease(locks)


def _digest(prefix: str, cache: Cache) -> str:
    path = Path(prefix)
    return path.name if path.parent.name in TREES and path.parent.parent == cache.root else ""
