"""Lets the calls of old programs to Ray itself, `ray.init(redis_password=...)` and the like, reach today's Ray.

Imports nothing but the standard library: `alias` loads this file when a process imports `ray`.
"""

from __future__ import annotations

import functools
import importlib
import warnings
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

SETUP_HOOK = "serve_compat.install"
ERA_VARIABLE = "SERVE_COMPAT_ERA"

# Keywords of ray.init, as Ray 0.8-1.x knew them: old name -> today's name
RENAMED = {
    "redis_address": "address",
    "include_webui": "include_dashboard",
    "webui_host": "dashboard_host",
    "redis_password": "_redis_password",
    "temp_dir": "_temp_dir",
    "node_ip_address": "_node_ip_address",
    "memory": "_memory",
    "driver_object_store_memory": "_driver_object_store_memory",
    "plasma_directory": "_plasma_directory",
    "enable_object_reconstruction": "_enable_object_reconstruction",
    "_internal_config": "_system_config",
}
_REMOVED_NAMES = """
    redis_port num_redis_shards redis_max_clients redis_shard_ports huge_pages include_java job_id load_code_from_local
    _load_code_from_local java_worker_options _java_worker_options code_search_path _code_search_path use_pickle
    lru_evict _lru_evict redis_max_memory _redis_max_memory object_id_seed object_ref_seed raylet_socket_name
    plasma_store_socket_name worker_path autoscaling_config storage redirect_output redirect_worker_output
"""
REMOVED = frozenset(_REMOVED_NAMES.split())
# What describes the machine the cluster runs on; Ray's client refuses it, for the cluster runs already
_OF_A_SERVER = frozenset({*RENAMED.values(), "_metrics_export_port", "_node_name"}) - {"address"}
# Keywords that describe a cluster to start. With one of them and without an address, old Ray started a cluster; today's
# joins one that runs on this machine already, and then refuses the keyword.
_STARTS_A_CLUSTER = frozenset({"num_cpus", "num_gpus", "resources", "object_store_memory", "labels"})
# The same for other functions of Ray
_RENAMED_ELSEWHERE = {
    "get": {"object_ids": "object_refs"},
    "wait": {"object_ids": "ray_waitables", "object_refs": "ray_waitables"},
    "remote": {"num_return_vals": "num_returns", "max_reconstructions": "max_restarts"},
}


def adapt(ray: ModuleType) -> None:
    """Let `ray`'s functions take old keywords, and tell the workers of a cluster that is joined of our alias."""
    if getattr(ray.init, "_adapted_by_serve_compat", False):
        return
    ray.init = _old_keywords_too(ray.init, ray.is_initialized)  # type: ignore[attr-defined]
    ray.init._adapted_by_serve_compat = True
    for name, names in _RENAMED_ELSEWHERE.items():
        setattr(ray, name, _renaming(f"ray.{name}", getattr(ray, name), names))
    _adapt_the_client(ray)


def translated(keywords: Mapping[str, Any], joins_by_client: bool = False) -> tuple[dict[str, Any], list[str]]:
    """Old `ray.init` keywords under today's names, and what the user should hear about it.

    Args:
        keywords: as the program passed them; not changed.
        joins_by_client: whether the address begins with ray://.
    """
    kept: dict[str, Any] = {}
    notes = []
    for name, value in keywords.items():
        new = RENAMED.get(name)
        if joins_by_client and (new or name) in _OF_A_SERVER:
            notes.append(f"ray.init({name}=...) says nothing about a cluster that runs already and was left out")
        elif new is not None and new not in keywords:
            kept[new] = value
            notes.append(f"ray.init({name}=...) is called {new} today")
        elif name == "namespace" and value == "":
            notes.append("ray.init(namespace='') means a namespace without a name, as if it were left out")
        elif new is not None or name in REMOVED:
            notes.append(f"ray.init({name}=...) does not exist any more and was left out")
        else:
            kept[name] = value
    return kept, notes


def where_to(
    keywords: dict[str, Any],
    positional_address: bool = False,
    era: Callable[[], str] = str,
    finds_a_cluster: Callable[[], bool] = bool,
) -> dict[str, Any]:
    """The keywords of `ray.init` with the cluster they mean spelt out, and with our alias in that cluster's workers.

    Args:
        keywords: under today's names; not changed.
        positional_address: whether the address was given without its name.
        era: gives what the user said with `--era` or `install(era=...)`; asked only where it is needed.
        finds_a_cluster: whether `ray.init()` would join a cluster that runs already; asked only where it matters.
    """
    address = keywords.get("address")
    if address is None and not positional_address and not _STARTS_A_CLUSTER.isdisjoint(keywords):
        return keywords if "address" in keywords else {**keywords, "address": "local"}
    if address != "local" and (positional_address or address is not None or finds_a_cluster()):
        # workers of a cluster that runs already were not started with our environment
        return {**keywords, "runtime_env": with_setup_hook(keywords.get("runtime_env"), era())}
    return keywords


def with_setup_hook(runtime_env: Any, era: str = "") -> Any:
    """A runtime_env whose worker processes call `install` first and know the era; one that has a hook keeps that."""
    given = {} if runtime_env is None else runtime_env
    if not isinstance(given, dict) or "worker_process_setup_hook" in given:
        return runtime_env
    told = {"env_vars": {ERA_VARIABLE: era, **given.get("env_vars", {})}} if era else {}
    return {**given, **told, "worker_process_setup_hook": SETUP_HOOK}


def _old_keywords_too(init: Callable[..., Any], is_initialized: Callable[[], bool]) -> Callable[..., Any]:
    anew = _without_tokens_of_another(init, is_initialized)

    @functools.wraps(init)
    def adapted(*args: Any, **keywords: Any) -> Any:
        address = args[0] if args else keywords.get("address", keywords.get("redis_address"))
        kept, notes = translated(keywords, isinstance(address, str) and "://" in address)
        if kept.get("include_dashboard") is True and not _asked_of_the_core("has_dashboard", True):
            kept["include_dashboard"] = False
            notes.append("ray.init() starts no dashboard: it needs pip install 'ray[default]' today")
        for note in notes:
            warnings.warn(note, UserWarning, stacklevel=2)
        found = functools.partial(_asked_of_the_core, "is_found", False)
        connected = anew(*args, **where_to(kept, bool(args), _era, found))
        _asked_of_the_core("let_python_heed_sigterm", None)
        return connected

    return adapted


def _without_tokens_of_another(init: Callable[..., Any], is_initialized: Callable[[], bool]) -> Callable[..., Any]:
    # Ray switches tokens on for a cluster it starts, and leaves them on. What the user switched on is the user's.
    by_ray = False

    def anew(*args: Any, **keywords: Any) -> Any:
        nonlocal by_ray
        before = _asked_of_the_core("asks_for_tokens", False)
        if before and by_ray and not is_initialized():
            _asked_of_the_core("forget_for", None, args[0] if args else keywords.get("address"), module="legacy.tokens")
        try:
            return init(*args, **keywords)
        finally:
            by_ray = _asked_of_the_core("asks_for_tokens", False) and (by_ray or not before)

    return anew


def _renaming(what: str, function: Callable[..., Any], names: dict[str, str]) -> Callable[..., Any]:
    @functools.wraps(function)
    def adapted(*args: Any, **keywords: Any) -> Any:
        for old in names.keys() & keywords.keys():
            warnings.warn(f"{what}({old}=...) is called {names[old]} today", UserWarning, stacklevel=2)
            keywords[names[old]] = keywords.pop(old)
        return function(*args, **keywords)

    return adapted


def _adapt_the_client(ray: ModuleType) -> None:
    # `ray.util.connect(...)` and `ray.client(...).connect()`, which Ray 1.2-1.13 had before ray.init("ray://...")
    inner = importlib.import_module("ray.util.client_connect")
    job_config = importlib.import_module("ray.job_config").JobConfig
    connect = inner.connect

    @functools.wraps(connect)
    def adapted(*args: Any, **keywords: Any) -> Any:
        if len(args) < _JOB_CONFIG_PLACE:
            config = keywords.get("job_config") or job_config()
            config.set_runtime_env(_for_the_client(with_setup_hook(config.runtime_env, _era())))
            keywords["job_config"] = config
        return connect(*args, **keywords)

    inner.connect = adapted  # type: ignore[attr-defined]
    ray.util.connect = adapted


def _for_the_client(runtime_env: Any) -> Any:
    # Ray turns a set-up hook into a variable of the workers, but not for jobs of its client
    if runtime_env.get("worker_process_setup_hook") != SETUP_HOOK:
        return runtime_env
    try:
        variable = importlib.import_module("legacy.cluster").SETUP_HOOK_VARIABLE
    except ImportError:  # as in `_era`
        return runtime_env
    variables = {**runtime_env.get("env_vars", {}), variable: SETUP_HOOK}
    return {**runtime_env, "env_vars": variables}


_JOB_CONFIG_PLACE = 5  # among the positional arguments of ray.util.connect


def _era() -> str:
    try:
        return str(importlib.import_module("legacy.settings").load().era)
    except ImportError:  # a package of the user's is called `legacy`, so nothing in this process can use serve
        return ""


def _asked_of_the_core(question: str, otherwise: Any, *details: Any, module: str = "legacy.cluster") -> Any:
    try:
        return getattr(importlib.import_module(module), question)(*details)
    except ImportError:  # as in `_era`
        return otherwise
