"""Looks up conda environments on this machine, by every way conda, mamba and micromamba know."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import yaml  # type: ignore[import-untyped]

from legacy.environments.resolve import Activated, rule_of_ray_1
from legacy.environments.wanted import Wanted
from legacy.errors import EnvironmentFailedError, EnvironmentMissingError
from legacy.settings import Settings

_ROOTS = ("miniforge3", "mambaforge", "miniconda3", "anaconda3", "micromamba", ".conda")
SHOWN_AT_MOST = 30


@dataclass(frozen=True)
class LookupPaths:
    """What says where environments are; "" where it is not known.

    Attributes:
        active: the caller's active environment.
        home: the user's home directory.
        condarc: CONDARC, a further configuration file.
        envs_path: CONDA_ENVS_PATH and CONDA_ENVS_DIRS, separated by ":".
        mamba_root_prefix: MAMBA_ROOT_PREFIX.
    """

    active: Activated = field(default_factory=Activated)
    home: str = ""
    condarc: str = ""
    envs_path: str = ""
    mamba_root_prefix: str = ""


def lookup_paths(settings: Settings) -> LookupPaths:
    """What this process's environment variables say."""
    return LookupPaths(
        active=Activated(settings.conda_prefix, settings.conda_exe, settings.conda_default_env),
        home=settings.home,
        condarc=settings.condarc,
        envs_path=os.pathsep.join(filter(None, (settings.conda_envs_path, settings.conda_envs_dirs))),
        mamba_root_prefix=settings.mamba_root_prefix,
    )


def known_environments(paths: LookupPaths) -> dict[str, str]:
    """Every environment that can be found: name -> directory. Of two with one name conda's first one counts.

    Environments outside the usual directories are known by `~/.conda/environments.txt`, under their last component.
    """
    found: dict[str, str] = {}
    for root in _roots(paths):
        if is_environment(root):
            found.setdefault("base", str(root))
    for directory in _directories(paths):
        for prefix in sorted(directory.iterdir()) if directory.is_dir() else ():
            if is_environment(prefix):
                found.setdefault(prefix.name, str(prefix))
    for prefix in _remembered(paths):
        if is_environment(prefix) and str(prefix) not in found.values():
            found.setdefault(prefix.name, str(prefix))
    active = Path(paths.active.prefix) if paths.active.prefix else None
    if active is not None and is_environment(active):
        found.setdefault(paths.active.name or active.name, str(active))
    return found


def resolved(wanted: Wanted, paths: LookupPaths) -> Wanted:
    """What was asked for, with a name replaced by its directory, and certain to exist.

    The rule of Ray 1.1-1.2 comes first (below or beside the active environment), then conda's.

    Raises:
        EnvironmentMissingError: it does not exist; the message lists those that do. It is a ValueError.
        EnvironmentFailedError: it does not exist, and there is no sign of conda at all.
    """
    if wanted.kind == "spec":
        return wanted
    if wanted.kind == "archive":
        if not os.path.isfile(wanted.value):
            raise EnvironmentMissingError(
                f"the packed environment {wanted.value} does not exist; pack one with "
                f"`serve-compat env pack NAME -o {wanted.value}`"
            )
        return wanted
    prefix = wanted.value if wanted.kind == "prefix" else _prefix_of(wanted.value, paths)
    if not os.path.isdir(prefix):
        raise EnvironmentMissingError(f"the conda environment {prefix} does not exist; {_found(paths)}")
    if not os.access(os.path.join(prefix, "bin", "python"), os.X_OK):
        raise EnvironmentMissingError(
            f"{prefix} is no environment that replicas could run in: it has no bin/python; install python into it "
            f"(conda install -p {prefix} python)"
        )
    return dataclasses.replace(wanted, kind="prefix", value=os.path.abspath(prefix))


def is_environment(directory: Path) -> bool:
    """Whether conda would take the directory for an environment."""
    return (directory / "conda-meta").is_dir()


def _prefix_of(name: str, paths: LookupPaths) -> str:
    candidates = rule_of_ray_1(name, paths.active)
    for candidate in candidates:
        if os.path.isdir(candidate):
            return candidate
    known = known_environments(paths)
    if name in known or (name == "root" and "base" in known):
        return known["base" if name == "root" else name]
    if not known and not candidates:
        raise EnvironmentFailedError(
            f"the conda environment {name!r} cannot be found: neither CONDA_PREFIX nor CONDA_EXE is set; activate "
            "conda in the shell this program is started from, or name the environment's directory"
        )
    looked = f" (looked for {' and '.join(candidates)})" if candidates else ""
    raise EnvironmentMissingError(
        f"the conda environment {name!r} does not exist{looked}; {_found(paths, known)}; create it first, or name its "
        "directory"
    )


def _found(paths: LookupPaths, known: dict[str, str] | None = None) -> str:
    known = known_environments(paths) if known is None else known
    if not known:
        return "no environments were found"
    listed = [f"{name} ({prefix})" for name, prefix in sorted(known.items())]
    more = [f"and {len(listed) - SHOWN_AT_MOST} more"] if len(listed) > SHOWN_AT_MOST else []
    return "found: " + ", ".join([*listed[:SHOWN_AT_MOST], *more])


def _roots(paths: LookupPaths) -> Iterator[Path]:
    """Installations of conda, each of which is the environment "base"."""
    if paths.active.exe:
        yield Path(paths.active.exe).parent.parent
    if paths.active.prefix and paths.active.name == "base":
        yield Path(paths.active.prefix)
    elif paths.active.prefix and Path(paths.active.prefix).parent.name == "envs":
        yield Path(paths.active.prefix).parent.parent
    if paths.mamba_root_prefix:
        yield Path(paths.mamba_root_prefix)
    if paths.home:
        yield from (Path(paths.home, name) for name in _ROOTS)


def _directories(paths: LookupPaths) -> Iterator[Path]:
    """Directories of named environments, in conda's order."""
    for entry in paths.envs_path.split(os.pathsep):
        if entry:
            yield Path(entry)
    for file in _configurations(paths):
        yield from (_expanded(entry, paths) for entry in _envs_dirs(file))
    yield from (root / "envs" for root in _roots(paths))


def _configurations(paths: LookupPaths) -> Iterator[Path]:
    if paths.condarc:
        yield Path(paths.condarc)
    if paths.home:
        yield from (Path(paths.home, name) for name in (".condarc", ".conda/.condarc", ".config/conda/.condarc"))
        yield Path(paths.home, ".mambarc")
    yield from (root / ".condarc" for root in _roots(paths))
    yield Path("/etc/conda/.condarc")


def _envs_dirs(file: Path) -> list[str]:
    try:
        content = yaml.safe_load(file.read_text())
    except (OSError, yaml.YAMLError):  # conda's own programs say what is wrong with it
        return []
    listed = content.get("envs_dirs") if isinstance(content, dict) else None
    return [str(entry) for entry in listed] if isinstance(listed, list) else []


def _expanded(entry: str, paths: LookupPaths) -> Path:
    return Path(paths.home + entry[1:]) if entry.startswith("~") else Path(entry)


def _remembered(paths: LookupPaths) -> Iterator[Path]:
    if paths.home:
        try:
            text = Path(paths.home, ".conda", "environments.txt").read_text()
        except OSError:
            return
        yield from (Path(line.strip()) for line in text.splitlines() if line.strip())
