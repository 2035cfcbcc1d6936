"""The only reader of os.environ, through a typed table."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any


def _read(variable: str, default: object = "") -> Any:
    return field(default=default, metadata={"variable": variable})


@dataclass(frozen=True)
class Settings:
    """Process-wide settings; each field is read from the environment variable that it names.

    Times are in seconds, sizes in bytes.
    """

    debug_log: bool = _read("SERVE_LOG_DEBUG", False)  # as in every original
    run_dir: str = _read("SERVE_COMPAT_RUN_DIR")  # parent of the private socket directories
    start_timeout_s: float = _read("SERVE_COMPAT_START_TIMEOUT_S", 3600.0)  # a replica's placement and constructor
    call_timeout_s: float = _read("SERVE_COMPAT_CALL_TIMEOUT_S", 60.0)  # a call to the controller that starts nothing
    root_url: str = _read("RAY_SERVE_ROOT_URL")  # of the controller: the public URL of HTTP, as in Ray 1.7+
    controller_name: str = _read("SERVE_COMPAT_CONTROLLER_NAME")  # of detached instances; see legacy.controllers
    era: str = _read("SERVE_COMPAT_ERA")  # what `serve-compat run --era` says; see legacy.eras
    auth_mode: str = _read("RAY_AUTH_MODE")  # whether Ray's processes ask each other for a token
    use_tls: bool = _read("RAY_USE_TLS", False)  # this and its three files as for Ray's own ports
    tls_certificate: str = _read("RAY_TLS_SERVER_CERT")
    tls_key: str = _read("RAY_TLS_SERVER_KEY")
    tls_ca: str = _read("RAY_TLS_CA_CERT")
    python_path: str = _read("PYTHONPATH")  # the runner extends it for a program and its workers
    forwarded_allow_ips: str = _read("FORWARDED_ALLOW_IPS")  # of proxies: whom they believe, as in every original
    record: str = _read("SERVE_COMPAT_RECORD")  # a file for requests that proxies get, see `serve-compat run --record`
    secret_names: str = _read("SERVE_COMPAT_SECRET_NAMES")  # further headers and parameters to hide, with commas
    handle_is_sync: str = _read("SERVE_DEPLOYMENT_HANDLE_IS_SYNC")  # handles in graphs as in Ray 1.13 (1) or 2.x (0)
    conda_prefix: str = _read("CONDA_PREFIX")  # this and the next two: the caller's active environment
    conda_exe: str = _read("CONDA_EXE")
    conda_default_env: str = _read("CONDA_DEFAULT_ENV")
    conda_envs_path: str = _read("CONDA_ENVS_PATH")  # this and the next three: where conda looks
    conda_envs_dirs: str = _read("CONDA_ENVS_DIRS")
    condarc: str = _read("CONDARC")
    mamba_root_prefix: str = _read("MAMBA_ROOT_PREFIX")
    mamba_exe: str = _read("MAMBA_EXE")
    path: str = _read("PATH")  # conda, mamba and micromamba are looked for on it
    raylet_pid: str = _read("RAY_RAYLET_PID")  # which of the nodes on this machine this process belongs to
    home: str = _read("HOME")
    cache_home: str = _read("XDG_CACHE_HOME")  # parent of this project's cache directory
    environments_dir: str = _read("SERVE_COMPAT_ENVIRONMENTS_DIR")  # the node's cache of conda environments
    environments_max_bytes: int = _read("SERVE_COMPAT_ENVIRONMENTS_MAX_BYTES", 20 * 2**30)  # what that cache may hold
    environment_timeout_s: float = _read("SERVE_COMPAT_ENVIRONMENT_TIMEOUT_S", 900.0)  # each step of preparing one


_VARIABLES: dict[str, str] = {each.name: each.metadata["variable"] for each in fields(Settings)}


def load(environ: dict[str, str] | None = None) -> Settings:
    """Read the settings; ValueError names a variable whose text is not of the type of its field."""
    source = dict(os.environ) if environ is None else environ
    given: dict[str, object] = {}
    for each in fields(Settings):
        text = source.get(_VARIABLES[each.name], "")
        if text:
            given[each.name] = _parse(_VARIABLES[each.name], text, type(each.default))
    settings = Settings(**given)  # type: ignore[arg-type]
    return settings if settings.run_dir else Settings(**{**given, "run_dir": tempfile.gettempdir()})  # type: ignore[arg-type]


def with_changes(changes: Mapping[str, str | None]) -> dict[str, str]:
    """A copy of this process's environment with some variables set, or taken away (None), for a process to start."""
    return {name: value for name, value in {**os.environ, **changes}.items() if value is not None}


def put(name: str, value: str) -> None:
    """Set the variable of a field, for this process and those it starts from now on."""
    os.environ[_VARIABLES[name]] = value


def forget(name: str) -> None:
    """Take the variable of a field away, for this process and those it starts from now on."""
    os.environ.pop(_VARIABLES[name], None)


def _parse(variable: str, text: str, kind: type) -> object:
    if kind is bool:
        return text.lower() not in ("0", "false", "no", "off")
    try:
        return kind(text)
    except ValueError:
        wanted = kind.__name__
        raise ValueError(f"{variable}={text!r} is not a {wanted}; set it to a {wanted} or unset it") from None
