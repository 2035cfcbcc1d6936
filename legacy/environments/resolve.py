"""Where a conda environment that the user names lies on this machine. Pure: the caller's environment is an argument."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from legacy.errors import RayServeException


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


def conda_prefix(name: str, active: Activated, is_dir: Callable[[str], bool] = os.path.isdir) -> str:
    """The directory of the conda environment `name`, by the rule of Ray 1.1-1.2.

    In "base" it is `envs/<name>` below the active prefix, in another environment it is a sibling of the active prefix,
    and without an active environment it is looked for beside the conda program.

    Raises:
        RayServeException: conda is not active and no conda program is known.
        ValueError: there is no such directory.
    """
    if not active.prefix and not active.exe:
        raise RayServeException(
            f"the conda environment {name!r} cannot be found: neither CONDA_PREFIX nor CONDA_EXE is set; "
            "activate conda in the shell this program is started from"
        )
    candidates = rule_of_ray_1(name, active)
    for candidate in candidates:
        if is_dir(candidate):
            return candidate
    raise ValueError(
        f"the conda environment {name!r} does not exist: {' and '.join(candidates)} is no directory; create it first"
    )


def conda_wanted(actor_options: dict[str, Any]) -> str | None:
    """The name or prefix in `ray_actor_options={"runtime_env": {"conda": ...}}` (Ray 1.3+), if it is one."""
    wanted = (actor_options.get("runtime_env") or {}).get("conda")
    return wanted if isinstance(wanted, str) and not wanted.endswith((".yml", ".yaml")) else None


def with_interpreter(
    actor_options: dict[str, Any], conda: str, active: Activated, is_dir: Callable[[str], bool] = os.path.isdir
) -> dict[str, Any]:
    """Actor options whose replicas run the Python of a conda environment.

    Args:
        actor_options: checked ray_actor_options; not changed.
        conda: the environment's name or prefix.

    Raises:
        RayServeException, ValueError: as `conda_prefix`.
    """
    prefix = conda if os.path.isabs(conda) else conda_prefix(conda, active, is_dir)
    runtime_env = dict(actor_options.get("runtime_env") or {})
    runtime_env.pop("conda", None)  # Ray's own plugin needs a conda program on every node
    runtime_env["py_executable"] = os.path.join(prefix, "bin", "python")
    return {**actor_options, "runtime_env": runtime_env}


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
