"""Packages that runtime_env["pip"] wants on top of an environment: a virtual environment that sees the other one."""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from legacy import settings
from legacy.environments.cache import Cache, Kind, is_complete
from legacy.environments.disk import explained, remove
from legacy.environments.job import Job
from legacy.environments.subprocesses import Given, run
from legacy.errors import EnvironmentFailedError
from legacy.redaction import secrets_in

_WITH_URL = ("-i", "--index-url", "--extra-index-url", "-f", "--find-links")


def overlay_digest(prefix: str, arguments: tuple[str, ...]) -> str:
    """The overlay's name: a hash of the environment's directory and of what is installed on top."""
    return hashlib.sha256(json.dumps([prefix, list(arguments)]).encode()).hexdigest()


def overlay(prefix: str, arguments: tuple[str, ...], cache: Cache, job: Job) -> Path:
    """The overlay's directory; made once.

    Args:
        prefix: the environment.
        arguments: of `pip install`.

    Raises:
        EnvironmentFailedError: pip fails or is nowhere, or the job's time is up.
    """
    digest = overlay_digest(prefix, arguments)
    place = cache.place("overlays", digest)
    build = functools.partial(_install, prefix, place, arguments, job)
    build_in_place(cache, "overlays", digest, job, "installing with pip", build)
    return place


def build_in_place(cache: Cache, kind: Kind, digest: str, job: Job, doing: str, build: Callable[[], None]) -> None:
    """Build a tree of the cache once, at its own place: what is installed by conda or pip knows its path.

    Raises:
        EnvironmentFailedError: the disk is full, or others build it for longer than the job may take.
        Exception: whatever `build` raises; nothing half-done stays.
    """
    place = cache.place(kind, digest)
    if not is_complete(place):
        with cache.working(digest, job), explained(job.label, doing, place):
            if not is_complete(place):
                remove(place)  # of a process that was killed
                try:
                    build()
                    cache.complete(place, kind, digest, job.label)
                except BaseException:  # also when the time is up
                    remove(place)
                    raise
        cache.evict(keep=[digest])
    cache.lease(digest).release()


def pip_install(python: str, arguments: tuple[str, ...], job: Job) -> None:
    """Install packages for an interpreter, with its own pip or with ours; EnvironmentFailedError when that fails."""
    environ = settings.with_changes({"PYTHONNOUSERSITE": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"})
    look = "import importlib.util as u; print(u.find_spec('pip') is not None)"
    if run([python, "-c", look], job, "installing", environ).strip().endswith("True"):
        pip = [python, "-m", "pip"]
    elif importlib.util.find_spec("pip") is not None:
        pip = [sys.executable, "-m", "pip", "--python", python]
    else:
        raise EnvironmentFailedError(
            f"environment {job.label}: its 'pip' packages cannot be installed: neither it nor {sys.executable} has "
            "pip; add pip to the environment"
        )
    shown, lines, variables = _parted(arguments)
    with tempfile.NamedTemporaryFile("w", prefix="serve-compat-", suffix=".txt") as file:  # for this user alone
        file.write("".join(f"{line}\n" for line in lines))
        file.flush()
        command = [*pip, "install", "--no-input", *shown, *(("-r", file.name) if lines else ())]
        run(command, job, "installing", {**environ, **variables}, given=Given(secrets=secrets_in(arguments)))


def _parted(arguments: tuple[str, ...]) -> tuple[list[str], list[str], dict[str, str]]:
    """Arguments for pip's command line; those with URLs, which may hold passwords, for a file, or for its variables."""
    shown: list[str] = []
    lines: list[str] = []
    variables: dict[str, str] = {}
    words = iter(arguments)
    for word in words:
        option, equals, value = word.partition("=") if word.startswith("--") else (word, "", "")
        if option in _WITH_URL:
            lines.append(f"{option} {value if equals else next(words, '')}")
        elif option == "--proxy":  # may not stand in a file
            variables["PIP_PROXY"] = value if equals else next(words, "")
        elif "://" in word and not word.startswith("-"):
            lines.append(word)
        else:
            shown.append(word)
    return shown, lines, variables


def _install(prefix: str, place: Path, arguments: tuple[str, ...], job: Job) -> None:
    python = os.path.join(prefix, "bin", "python")
    virtual = [python, "-m", "venv", "--system-site-packages", "--without-pip", str(place)]
    run(virtual, job, "installing", settings.with_changes({"PYTHONNOUSERSITE": "1"}))
    pip_install(str(place / "bin" / "python"), arguments, job)
