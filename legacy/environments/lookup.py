"""Where conda environments lie on this machine, by every way conda, mamba and micromamba know."""

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
class Places:
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


def places_of(settings: Settings) -> Places:
    """What this process's environment variables say."""
    return Places(
        active=Activated(settings.conda_prefix, settings.conda_exe, settings.conda_default_env),
        home=settings.home,
        condarc=settings.condarc,
        envs_path=os.pathsep.join(filter(None, (settings.conda_envs_path, settings.conda_envs_dirs))),
        mamba_root_prefix=settings.mamba_root_prefix,
    )


def known_environments(places: Places) -> dict[str, str]:
    """Every environment that can be found: name -> directory. Of two with one name conda's first one counts.

    Environments outside the usual directories are known by `~/.conda/environments.txt`, under their last component.
    """
    found: dict[str, str] = {}
    for root in _roots(places):
        if is_environment(root):
            found.setdefault("base", str(root))
    for directory in _directories(places):
        for prefix in sorted(directory.iterdir()) if directory.is_dir() else ():
            if is_environment(prefix):
                found.setdefault(prefix.name, str(prefix))
    for prefix in _remembered(places):
        if is_environment(prefix) and str(prefix) not in found.values():
            found.setdefault(prefix.name, str(prefix))
    active = Path(places.active.prefix) if places.active.prefix else None
    if active is not None and is_environment(active):
        found.setdefault(places.active.name or active.name, str(active))
    return found


def resolved(wanted: Wanted, places: Places) -> Wanted:
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
    prefix = wanted.value if wanted.kind == "prefix" else _prefix_of(wanted.value, places)
    if not os.path.isdir(prefix):
        raise EnvironmentMissingError(f"the conda environment {prefix} does not exist; {_found(places)}")
    if not os.access(os.path.join(prefix, "bin", "python"), os.X_OK):
        raise EnvironmentMissingError(
            f"{prefix} is no environment that replicas could run in: it has no bin/python; install python into it "
            f"(conda install -p {prefix} python)"
        )
    return dataclasses.replace(wanted, kind="prefix", value=os.path.abspath(prefix))


def is_environment(directory: Path) -> bool:
    """Whether conda would take the directory for an environment."""
    return (directory / "conda-meta").is_dir()


def _prefix_of(name: str, places: Places) -> str:
    candidates = rule_of_ray_1(name, places.active)
    for candidate in candidates:
        if os.path.isdir(candidate):
            return candidate
    known = known_environments(places)
    if name in known or (name == "root" and "base" in known):
        return known["base" if name == "root" else name]
    if not known and not candidates:
        raise EnvironmentFailedError(
            f"the conda environment {name!r} cannot be found: neither CONDA_PREFIX nor CONDA_EXE is set; activate "
            "conda in the shell this program is started from, or name the environment's directory"
        )
    looked = f" (looked for {' and '.join(candidates)})" if candidates else ""
    raise EnvironmentMissingError(
        f"the conda environment {name!r} does not exist{looked}; {_found(places, known)}; create it first, or name its "
        "directory"
    )


def _found(places: Places, known: dict[str, str] | None = None) -> str:
    known = known_environments(places) if known is None else known
    if not known:
        return "no environments were found"
    listed = [f"{name} ({prefix})" for name, prefix in sorted(known.items())]
    more = [f"and {len(listed) - SHOWN_AT_MOST} more"] if len(listed) > SHOWN_AT_MOST else []
    return "found: " + ", ".join([*listed[:SHOWN_AT_MOST], *more])


def _roots(places: Places) -> Iterator[Path]:
    """Installations of conda, each of which is the environment "base"."""
    if places.active.exe:
        yield Path(places.active.exe).parent.parent
    if places.active.prefix and places.active.name == "base":
        yield Path(places.active.prefix)
    elif places.active.prefix and Path(places.active.prefix).parent.name == "envs":
        yield Path(places.active.prefix).parent.parent
    if places.mamba_root_prefix:
        yield Path(places.mamba_root_prefix)
    if places.home:
        yield from (Path(places.home, name) for name in _ROOTS)


def _directories(places: Places) -> Iterator[Path]:
    """Directories of named environments, in conda's order."""
    for entry in places.envs_path.split(os.pathsep):
        if entry:
            yield Path(entry)
    for file in _configurations(places):
        yield from (_expanded(entry, places) for entry in _envs_dirs(file))
    yield from (root / "envs" for root in _roots(places))


def _configurations(places: Places) -> Iterator[Path]:
    if places.condarc:
        yield Path(places.condarc)
    if places.home:
        yield from (Path(places.home, name) for name in (".condarc", ".conda/.condarc", ".config/conda/.condarc"))
        yield Path(places.home, ".mambarc")
    yield from (root / ".condarc" for root in _roots(places))
    yield Path("/etc/conda/.condarc")


def _envs_dirs(file: Path) -> list[str]:
    try:
        content = yaml.safe_load(file.read_text())
    except (OSError, yaml.YAMLError):  # conda's own programs say what is wrong with it
        return []
    listed = content.get("envs_dirs") if isinstance(content, dict) else None
    return [str(entry) for entry in listed] if isinstance(listed, list) else []


def _expanded(entry: str, places: Places) -> Path:
    return Path(places.home + entry[1:]) if entry.startswith("~") else Path(entry)


def _remembered(places: Places) -> Iterator[Path]:
    if places.home:
        try:
            text = Path(places.home, ".conda", "environments.txt").read_text()
        except OSError:
            return
        yield from (Path(line.strip()) for line in text.splitlines() if line.strip())
