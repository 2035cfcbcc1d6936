"""The only reader of os.environ, through a typed table."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Settings:
    """Process-wide settings; each field is read from the environment variable named beside it.

    Times are in seconds, sizes in bytes.
    """

    debug_log: bool = False  # SERVE_LOG_DEBUG, as in every original
    run_dir: str = ""  # SERVE_COMPAT_RUN_DIR: parent of the private socket directories
    start_timeout_s: float = 3600.0  # SERVE_COMPAT_START_TIMEOUT_S: a replica's placement and constructor
    call_timeout_s: float = 60.0  # SERVE_COMPAT_CALL_TIMEOUT_S: a call to the controller that starts nothing
    root_url: str = ""  # RAY_SERVE_ROOT_URL of the controller: the public URL of HTTP, as in Ray 1.7+
    era: str = ""  # SERVE_COMPAT_ERA: what `serve-compat run --era` says; see legacy.eras
    use_tls: bool = False  # RAY_USE_TLS and its three files, as for Ray's own ports
    tls_certificate: str = ""
    tls_key: str = ""
    tls_ca: str = ""
    python_path: str = ""  # PYTHONPATH, which the runner extends for a program and its workers
    record: str = ""  # SERVE_COMPAT_RECORD: a file for the requests that proxies get, see `serve-compat run --record`
    handle_is_sync: str = ""  # SERVE_DEPLOYMENT_HANDLE_IS_SYNC: handles in graphs as in Ray 1.13 (1) or 2.x (0)
    conda_prefix: str = ""  # CONDA_PREFIX, CONDA_EXE, CONDA_DEFAULT_ENV: the caller's active environment
    conda_exe: str = ""
    conda_default_env: str = ""
    conda_envs_path: str = ""  # CONDA_ENVS_PATH, CONDA_ENVS_DIRS, CONDARC, MAMBA_ROOT_PREFIX: where conda looks
    conda_envs_dirs: str = ""
    condarc: str = ""
    mamba_root_prefix: str = ""
    mamba_exe: str = ""
    path: str = ""  # PATH, on which conda, mamba and micromamba are looked for
    raylet_pid: str = ""  # RAY_RAYLET_PID: which of the nodes on this machine this process belongs to
    home: str = ""
    cache_home: str = ""  # XDG_CACHE_HOME: parent of this project's cache directory
    environments_dir: str = ""  # SERVE_COMPAT_ENVIRONMENTS_DIR: the node's cache of conda environments
    environments_max_bytes: int = 20 * 2**30  # SERVE_COMPAT_ENVIRONMENTS_MAX_BYTES: what that cache may hold
    environment_timeout_s: float = 900.0  # SERVE_COMPAT_ENVIRONMENT_TIMEOUT_S: each step of preparing one


_VARIABLES = {
    "debug_log": "SERVE_LOG_DEBUG",
    "run_dir": "SERVE_COMPAT_RUN_DIR",
    "start_timeout_s": "SERVE_COMPAT_START_TIMEOUT_S",
    "call_timeout_s": "SERVE_COMPAT_CALL_TIMEOUT_S",
    "root_url": "RAY_SERVE_ROOT_URL",
    "era": "SERVE_COMPAT_ERA",
    "use_tls": "RAY_USE_TLS",
    "tls_certificate": "RAY_TLS_SERVER_CERT",
    "tls_key": "RAY_TLS_SERVER_KEY",
    "tls_ca": "RAY_TLS_CA_CERT",
    "python_path": "PYTHONPATH",
    "record": "SERVE_COMPAT_RECORD",
    "handle_is_sync": "SERVE_DEPLOYMENT_HANDLE_IS_SYNC",
    "conda_prefix": "CONDA_PREFIX",
    "conda_exe": "CONDA_EXE",
    "conda_default_env": "CONDA_DEFAULT_ENV",
    "conda_envs_path": "CONDA_ENVS_PATH",
    "conda_envs_dirs": "CONDA_ENVS_DIRS",
    "condarc": "CONDARC",
    "mamba_root_prefix": "MAMBA_ROOT_PREFIX",
    "mamba_exe": "MAMBA_EXE",
    "path": "PATH",
    "raylet_pid": "RAY_RAYLET_PID",
    "home": "HOME",
    "cache_home": "XDG_CACHE_HOME",
    "environments_dir": "SERVE_COMPAT_ENVIRONMENTS_DIR",
    "environments_max_bytes": "SERVE_COMPAT_ENVIRONMENTS_MAX_BYTES",
    "environment_timeout_s": "SERVE_COMPAT_ENVIRONMENT_TIMEOUT_S",
}


def load(environ: dict[str, str] | None = None) -> Settings:
    """Read the settings.

    Raises:
        ValueError: a variable's text is not of the field's type; the message names the variable.
    """
    source = dict(os.environ) if environ is None else environ
    given: dict[str, object] = {}
    for field in fields(Settings):
        text = source.get(_VARIABLES[field.name], "")
        if text:
            given[field.name] = _parse(_VARIABLES[field.name], text, type(field.default))
    settings = Settings(**given)  # type: ignore[arg-type]
    return settings if settings.run_dir else Settings(**{**given, "run_dir": tempfile.gettempdir()})  # type: ignore[arg-type]


def with_changes(changes: Mapping[str, str | None]) -> dict[str, str]:
    """A copy of this process's environment with some variables set, or taken away (None), for a process to start."""
    return {name: value for name, value in {**os.environ, **changes}.items() if value is not None}


def put(field: str, value: str) -> None:
    """Set the variable of a field, for this process and those it starts from now on."""
    os.environ[_VARIABLES[field]] = value


def _parse(variable: str, text: str, kind: type) -> object:
    if kind is bool:
        return text.lower() not in ("0", "false", "no", "off")
    try:
        return kind(text)
    except ValueError:
        wanted = kind.__name__
        raise ValueError(f"{variable}={text!r} is not a {wanted}; set it to a {wanted} or unset it") from None
