"""The last step on every node: the interpreter of an environment that lies there, as Ray starts replicas with it."""

from __future__ import annotations

import os
import shlex
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from legacy.environments.activate import write_wrapper
from legacy.environments.cache import TREES, Cache
from legacy.environments.job import Job
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


def prepare_interpreter(prefix: str, wanted: Wanted, cache: Cache, job: Job) -> tuple[Interpreter, ExitStack]:
    """Make replicas startable in the environment: its `pip` packages, its start script.

    Args:
        prefix: its directory on this node.

    Returns:
        What to start replicas with, and the lease that keeps it from being evicted: to be closed when none of them
        runs or may be started any more, or by the process's end.

    Raises:
        EnvironmentFailedError: it is gone, or a step failed.
    """
    digest = _digest(prefix, cache)
    with ExitStack() as held:
        if digest:
            held.enter_context(cache.lease(digest))
        if not os.access(os.path.join(prefix, "bin", "python"), os.X_OK):
            raise EnvironmentFailedError(
                f"environment {wanted.label}: {prefix} is gone or has no python; deploy again to prepare it again"
            )
        python = os.path.join(prefix, "bin", "python")
        if wanted.pip:
            held.enter_context(cache.lease(overlay_digest(prefix, wanted.pip)))
            python = str(overlay(prefix, wanted.pip, cache, job) / "bin" / "python")
        wrapper = write_wrapper(prefix, wanted.label, python, cache)
        found = Interpreter(wanted.label, prefix, shlex.quote(str(wrapper)), str(wrapper), digest)
        return found, held.pop_all()


def _digest(prefix: str, cache: Cache) -> str:
    path = Path(prefix)
    return path.name if path.parent.name in TREES and path.parent.parent == cache.root else ""
