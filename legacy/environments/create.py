"""Create an environment from the content of an environment.yml, once for each content."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import platform
import re
import shutil
import sys
from pathlib import Path
from typing import Any

from legacy import settings
from legacy.dependencies import REQUIREMENTS
from legacy.environments.cache import Cache
from legacy.environments.job import Job
from legacy.environments.lookup import LookupPaths
from legacy.environments.overlay import build_in_place, pip_install
from legacy.environments.preflight import MODULES, Needed, needed_here
from legacy.environments.subprocesses import Given, run
from legacy.errors import EnvironmentFailedError
from legacy.private_directory import write_private
from legacy.redaction import secrets_in

PROGRAMS = ("micromamba", "mamba", "conda")  # the fastest first
DEFAULT_CHANNEL = "conda-forge"  # for py-rattler, which knows no configured defaults
_MAIN, _R = (f"https://repo.anaconda.com/pkgs/{name}" for name in ("main", "r"))
_MEANT = {
    "defaults": [_MAIN, _R],
    "pkgs/main": [_MAIN],
    "pkgs/r": [_R],
    "nodefaults": [],
}  # names that only conda knows
_LOOK = (
    "import importlib.util as u, importlib.metadata as m, sys\n"
    "print('found', m.version('ray') if u.find_spec('ray') else '', *[n for n in sys.argv[1:] if u.find_spec(n)])"
)


def created(spec: str, cache: Cache, job: Job, paths: LookupPaths) -> str:
    """The directory of an environment with these packages; created once, with what replicas need besides.

    A spec that names no Python gets this one, and one without Ray gets Ray and what replicas import from pip, as Ray's
    own plugin does it.

    Args:
        spec: canonical JSON, see `legacy.environments.wanted`.

    Raises:
        EnvironmentFailedError: it cannot be solved, fetched or installed; nothing is left of it.
    """
    needed = needed_here()
    digest = spec_digest(spec, needed)
    place = cache.place("created", digest)
    build = functools.partial(_create, json.loads(spec), place, cache, job, paths, needed)
    build_in_place(cache, "created", digest, job, "creating", build)
    return str(place)


def spec_digest(spec: str, needed: Needed) -> str:
    """The environment's name: a hash of what is wanted and of the Python, Ray and machine it is wanted for."""
    return hashlib.sha256("\0".join((spec, needed.python, needed.ray, platform.machine())).encode()).hexdigest()


def package_specs(spec: dict[str, Any], python: str) -> tuple[list[str], list[str]]:
    """(conda packages, pip requirements) of a spec, with Python among the former.

    Args:
        python: the minor version for a spec that names none.
    """
    conda = [each for each in spec["dependencies"] if isinstance(each, str)]
    pip = [line for each in spec["dependencies"] if isinstance(each, dict) for line in each["pip"]]
    if not any(package_name(each) == "python" for each in conda):
        conda.insert(0, f"python {python}.*")
    return conda, pip


def package_name(spec: str) -> str:
    """The name in a conda package spec such as "conda-forge::numpy>=1.26"."""
    found = re.match(r"[\w.-]+", spec.rsplit("::", 1)[-1].strip())
    return found.group().lower() if found else ""


def conda_program(paths: LookupPaths, path: str, mamba_exe: str = "") -> str | None:
    """The program that creates environments here: what the user activated, else the fastest on PATH; None for none."""
    for given in (mamba_exe, paths.active.exe):
        if given and os.access(given, os.X_OK):
            return given
    return next((found for name in PROGRAMS if (found := shutil.which(name, path=path))), None)


def program_command(program: str, prefix: str, file: str) -> list[str]:
    """The command line that creates an environment from a file; it asks nothing."""
    if "micromamba" in os.path.basename(program):
        return [program, "create", "--yes", "--prefix", prefix, "--file", file]
    return [program, "env", "create", "--quiet", "--prefix", prefix, "--file", file]


def _create(spec: dict[str, Any], place: Path, cache: Cache, job: Job, paths: LookupPaths, needed: Needed) -> None:
    given = settings.load()
    conda, pip = package_specs(spec, needed.python)
    program = conda_program(paths, given.path, given.mamba_exe)
    if program is not None:
        file = cache.root / "created" / f"{place.name}.yml"
        try:
            write_private(file, json.dumps({"channels": spec["channels"], "dependencies": conda}))  # JSON is YAML
            hidden = Given(secrets=secrets_in([*spec["channels"], *conda]))
            command = program_command(program, str(place), str(file))
            run(command, job, "creating", settings.with_changes({}), given=hidden)
        finally:
            file.unlink(missing_ok=True)
    else:
        _solve(spec["channels"], conda, place, cache, job)
    python = str(place / "bin" / "python")
    if not os.access(python, os.X_OK):
        raise EnvironmentFailedError(f"environment {job.label}: creating it left no {python}; add python to it")
    if pip:
        pip_install(python, tuple(pip), job)
    _add_what_replicas_need(python, job, needed)
    if spec["variables"]:
        state = {"version": 1, "env_vars": spec["variables"]}
        (place / "conda-meta" / "state").write_text(json.dumps(state))


def _solve(channels: list[str], specs: list[str], place: Path, cache: Cache, job: Job) -> None:
    listed = [each for channel in channels for each in _MEANT.get(channel, [channel])] or [DEFAULT_CHANNEL]
    request = {"channels": listed, "specs": specs, "prefix": str(place), "cache": str(cache.root / "pkgs")}
    root = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join(filter(None, (root, settings.load().python_path)))
    command = [sys.executable, "-m", "legacy.environments.solver"]
    given = Given(json.dumps(request), secrets_in([*listed, *specs]))
    run(command, job, "creating", settings.with_changes({"PYTHONPATH": path}), given=given)


def _add_what_replicas_need(python: str, job: Job, needed: Needed) -> None:
    modules = [name for name in MODULES if "." not in name]
    said = run([python, "-c", _LOOK, *modules], job, "creating", settings.with_changes({"PYTHONNOUSERSITE": "1"}))
    found = said.split("found", 1)[-1].split()
    lacking = [REQUIREMENTS[name] for name in modules if name not in found]
    if needed.ray in found and not lacking:
        return
    if not any(word[:1].isdigit() for word in found):  # no Ray of another version, which preflight will name
        lacking.insert(0, f"ray=={needed.ray}")
    if lacking:
        pip_install(python, tuple(lacking), job)
