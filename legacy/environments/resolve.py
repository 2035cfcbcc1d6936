"""Where a conda environment that the user names lies on this machine. Pure: the caller's environment is an argument."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class CondaEnv:
    """The name of a conda environment for a backend's replicas (Ray 1.1-1.2: `create_backend(env=...)`).

    Args:
        name: the environment's name, as in `conda activate NAME`.
    """

    name: str


@dataclass(frozen=True)
class Activated:
    """What an activated conda leaves in the environment variables; "" where it is not set.

    Attributes:
        prefix: CONDA_PREFIX, the directory of the active environment.
        exe: CONDA_EXE, the conda program.
        name: CONDA_DEFAULT_ENV, the active environment's name.
    """

    prefix: str = ""
    exe: str = ""
    name: str = ""


def rule_of_ray_1(name: str, active: Activated) -> list[str]:
    """Where Ray 1.1-1.2 looked for the environment `name`; nowhere without an active environment or a conda program."""
    if active.prefix and active.name == "base":
        return [str(Path(active.prefix) / "envs" / name)]
    if active.prefix:
        return [str(Path(active.prefix).parent / name)]
    if not active.exe:
        return []
    # <root>/bin/conda: the other environments lie below the root; Ray 1.2 looked beside it
    root = Path(active.exe).parent.parent
    return [str(root / "envs" / name), str(root.parent / name)]
