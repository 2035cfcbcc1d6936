"""From what a user passes to create_backend to what the controller needs."""

from __future__ import annotations

import os
import sys
import warnings
from dataclasses import dataclass, field
from typing import Any

from legacy import settings
from legacy.environments.fingerprint import package_fingerprint
from legacy.environments.lookup import LookupPaths, lookup_paths, resolved
from legacy.environments.origin import Origin
from legacy.environments.resolve import CondaEnv
from legacy.environments.wanted import Wanted, wanted_environment
from legacy.generations import Generation
from legacy.records import BackendSpec
from legacy.replica.flask_request import MISSING, is_available
from legacy.session.checks import check_name, check_target, checked_actor_options, checked_config
from legacy.session.packing import packed


@dataclass(frozen=True)
class Backend:
    """The arguments of create_backend, unchecked."""

    tag: str
    target: Any
    init_args: tuple[Any, ...] = ()
    actor_options: Any = None
    config: Any = None
    env: Any = None
    init_kwargs: dict[str, Any] = field(default_factory=dict)


def backend_spec(generation: Generation, backend: Backend) -> BackendSpec:
    """Check what the user passed, in the order of the originals, and pickle the code.

    Raises:
        RayServeException: `env` names a conda environment and there is no conda.
        TypeError, ValueError: see `legacy.session.checks`; nothing was registered.
    """
    check_name(generation.backend_noun, backend.tag)
    if backend.env is not None:
        if not isinstance(backend.env, CondaEnv):
            raise TypeError(f"env must be a serve.CondaEnv, not {backend.env!r}")
        resolved(Wanted("name", backend.env.name, backend.env.name), _lookup_paths())  # the originals look at it first
    if generation.flask_requests and not is_available():
        warnings.warn(MISSING, RuntimeWarning, stacklevel=5)  # only HTTP needs it: handle calls go without
    is_class = check_target(backend.tag, backend.target, backend.init_args, backend.init_kwargs)
    actor_options = checked_actor_options(backend.actor_options, generation)
    config = checked_config(backend.tag, backend.target, backend.config, generation)
    environment = environment_of(actor_options, backend.env)
    named = f"{generation.backend_noun} {backend.tag!r}"
    return BackendSpec(
        tag=backend.tag,
        code=packed(named, backend.target, backend.init_args, backend.init_kwargs),
        is_class=is_class,
        config=config,
        actor_options=actor_options,
        generation=generation,
        setup=_alias_of(sys.modules.get("ray.serve")),
        sys_path=_import_directories(sys.path),
        environment=environment,
    )


def _alias_of(served_as_ray: object) -> str:
    """What makes `ray.serve` mean in replicas what it means here: "" where it is Ray's own or not imported."""
    name = getattr(served_as_ray, "__name__", "ray.serve")
    return "" if name == "ray.serve" else f"{name}.install"


def environment_of(actor_options: dict[str, Any], env: CondaEnv | None = None) -> Origin | None:
    """The conda environment that these options ask for, or else the one that this program runs in; None for neither.

    Raises:
        EnvironmentMissingError, EnvironmentFailedError: it does not exist.
        TypeError, ValueError: see `legacy.environments.wanted`.
    """
    paths = _lookup_paths()
    named = env is not None or (actor_options.get("runtime_env") or {}).get("conda") is not None
    # an interpreter of another place, such as a virtual environment, is not what conda has activated
    inside = bool(paths.active.prefix) and os.path.realpath(paths.active.prefix) == os.path.realpath(sys.prefix)
    wanted = wanted_environment(actor_options, env, paths.active if inside else None)
    if wanted is None:
        return None
    wanted = resolved(wanted, paths)
    packages = "" if named else package_fingerprint(wanted.value)
    return Origin(wanted, lookup_paths=paths, implied=not named, packages=packages)


def _lookup_paths() -> LookupPaths:
    return lookup_paths(settings.load())


def _import_directories(path: list[str]) -> tuple[str, ...]:
    """The directories of the user's own modules: whatever is importable here and not part of the installation."""
    found = (os.path.abspath(entry) for entry in path)
    installed = tuple({os.path.join(prefix, "") for prefix in (sys.prefix, sys.base_prefix)})
    return tuple(dict.fromkeys(entry for entry in found if os.path.isdir(entry) and not entry.startswith(installed)))
