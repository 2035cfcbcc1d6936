"""What a user asks for: every form of a conda environment as one small value. Reads the files it names."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml  # type: ignore[import-untyped]

from legacy.environments.requirements import pip_arguments, without_files
from legacy.environments.resolve import Activated, CondaEnv
from legacy.redaction import redacted

ARCHIVES = (".tar", ".tar.gz", ".tgz", ".tar.zst", ".tzst", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
_INSTEAD = {
    "py_executable": "it names another interpreter; keep one of the two",
    "container": "a container brings its own packages; put the environment into the image and name only the image",
    "image_uri": "a container brings its own packages; put the environment into the image and name only the image",
    "uv": "uv would build an environment of its own; write its packages as 'pip' instead",
}
_FORMS = (
    "a name, a directory, an environment.yml, a dict such as {'dependencies': ['numpy']}, or a packed environment "
    f"({', '.join(ARCHIVES)})"
)


@dataclass(frozen=True)
class Wanted:
    """An environment for a backend's replicas.

    Attributes:
        kind: "name", "prefix" (a directory), "spec" (to be created), or "archive" (packed).
        value: the name, the absolute path, or the canonical JSON of the environment.yml.
        label: what status and errors call it.
        pip: arguments of `pip install` for packages beside it, from runtime_env["pip"].
    """

    kind: Literal["name", "prefix", "spec", "archive"]
    value: str
    label: str
    pip: tuple[str, ...] = ()

    @property
    def is_packed(self) -> bool:
        """Whether it is a file, which has no directory before it is unpacked."""
        return self.kind == "archive"


def wanted_environment(
    actor_options: Mapping[str, Any], env: CondaEnv | None = None, active: Activated | None = None, base_dir: str = "."
) -> Wanted | None:
    """The environment that a backend's replicas are to run in; None for the cluster's own.

    Args:
        actor_options: checked `ray_actor_options`; "conda" in its runtime_env has every form that Ray takes, and
            a packed environment.
        env: the argument of Ray 1.1-1.2.
        active: the caller's active environment, which is the default (as in Ray 1.1-1.3); None for no default.
        base_dir: directory of relative paths.

    Raises:
        TypeError: a form that is none.
        ValueError: a file that does not say an environment, or a combination that cannot work.
    """
    runtime_env = actor_options.get("runtime_env") or {}
    conda = runtime_env.get("conda")
    if env is not None and conda is not None:
        raise ValueError(f"both env={env!r} and runtime_env={{'conda': {conda!r}}} name an environment; keep one")
    clash = next((key for key in _INSTEAD if runtime_env.get(key) is not None), None)
    if env is None and conda is None:
        if active is None or not active.prefix or clash is not None:
            return None
        name = active.name or os.path.basename(active.prefix)
        return Wanted("prefix", active.prefix, name, pip_arguments(runtime_env.get("pip"), base_dir))
    if clash is not None:
        raise ValueError(f"a conda environment and runtime_env[{clash!r}] exclude each other: {_INSTEAD[clash]}")
    pip = pip_arguments(runtime_env.get("pip"), base_dir)
    if env is not None:
        return Wanted("name", env.name, env.name, pip)
    return _parsed(conda, base_dir, pip)


def with_wrapper(actor_options: Mapping[str, Any], py_executable: str) -> dict[str, Any]:
    """The options for replicas that a wrapper starts in their environment.

    Ray gets neither `conda`, for which it needs a conda program on every node, nor `pip`, which it would install for
    the interpreter that the wrapper replaces.

    Args:
        py_executable: quoted for the shell.
    """
    given = actor_options.get("runtime_env") or {}
    kept = {key: value for key, value in given.items() if key not in ("conda", "pip")}
    return {**actor_options, "runtime_env": {**kept, "py_executable": py_executable}}


def spec_label(spec: Mapping[str, Any], default: str = "environment.yml") -> str:
    """What to call an environment that is created: its `name:`, if it has one."""
    return str(spec.get("name") or default)


def _parsed(conda: object, base_dir: str, pip: tuple[str, ...]) -> Wanted:
    if isinstance(conda, Mapping):
        return _spec(conda, "conda={...}", spec_label(conda, "conda={...}"), base_dir, pip)
    if isinstance(conda, os.PathLike):
        conda = os.path.join(os.fspath(conda), "") if os.path.isdir(conda) else os.fspath(conda)
    if not isinstance(conda, str) or not conda.strip():
        raise TypeError(f"runtime_env['conda'] must be {_FORMS}, not {conda!r}")
    path = Path(base_dir, os.path.expanduser(conda)).absolute()
    if conda.endswith((".yml", ".yaml")):
        return _file(path, pip)
    if conda.endswith(ARCHIVES) and (os.sep in conda or path.is_file()):
        return Wanted("archive", os.path.normpath(path), path.name, pip)
    if conda.startswith(("~", ".")) or os.sep in conda:
        prefix = os.path.normpath(path)
        return Wanted("prefix", prefix, os.path.basename(prefix), pip)
    return Wanted("name", conda, conda, pip)


def _file(path: Path, pip: tuple[str, ...]) -> Wanted:
    try:
        spec = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ValueError(
            f"the environment file {path} cannot be read: {error.strerror}; runtime_env['conda'] may be {_FORMS}"
        ) from error
    except yaml.YAMLError as error:
        raise ValueError(f"the environment file {path} is not YAML: {error}") from error
    if not isinstance(spec, Mapping):
        raise ValueError(
            f"the environment file {path} must be a mapping with 'dependencies', not {redacted(repr(spec))}"
        )
    return _spec(spec, str(path), spec_label(spec, path.name), str(path.parent), pip)


def _spec(spec: Mapping[str, Any], where: str, label: str, base_dir: str, pip: tuple[str, ...]) -> Wanted:
    unknown = set(spec) - {"name", "prefix", "channels", "dependencies", "variables", "platforms", "category"}
    if unknown:
        raise ValueError(f"{where} has {', '.join(sorted(map(repr, unknown)))}; an environment has {_KEYS}")
    dependencies: list[Any] = []
    for each in _listed(spec, "dependencies", where):
        if isinstance(each, str):
            dependencies.append(each)
        elif isinstance(each, Mapping) and set(each) == {"pip"} and isinstance(each["pip"] or [], list):
            dependencies.append({"pip": list(without_files(each["pip"] or [], base_dir))})
        else:
            raise ValueError(f"{where}: a dependency must be a str or {{'pip': [...]}}, not {redacted(repr(each))}")
    if not dependencies:
        raise ValueError(f"{where} names no 'dependencies'; an environment has {_KEYS}")
    variables = spec.get("variables") or {}
    if not isinstance(variables, Mapping):
        raise ValueError(f"{where}: 'variables' must be a mapping of name to value, not {redacted(repr(variables))}")
    canonical = {
        "channels": [_channel(str(each)) for each in _listed(spec, "channels", where)],
        "dependencies": dependencies,
        "variables": {str(name): str(value) for name, value in variables.items()},
    }
    return Wanted("spec", json.dumps(canonical, sort_keys=True), label, pip)


def _channel(given: str) -> str:
    # a directory, as with conda relative to where the program runs: others would look for it somewhere else
    return Path(given).expanduser().absolute().as_uri() if given.startswith((".", "~", "/")) else given


_KEYS = "'dependencies' and perhaps 'name', 'channels' and 'variables'"


def _listed(spec: Mapping[str, Any], key: str, where: str) -> list[Any]:
    value = spec.get(key) or []
    if not isinstance(value, list):
        raise ValueError(f"{where}: {key!r} must be a list, not {redacted(repr(value))}")
    return value
