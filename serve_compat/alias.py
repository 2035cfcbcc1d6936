"""Makes `ray.serve` and its submodules mean this package, in this process and in Ray's workers.

Imports nothing but the standard library: every worker and sub-process of an aliased program loads this file at start,
also where Ray or this project's other dependencies are never used.
"""

from __future__ import annotations

import functools
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
import warnings
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

SETUP_HOOK = "serve_compat.alias.install"
ERA_VARIABLE = "SERVE_COMPAT_ERA"

# Keywords of ray.init, as Ray 0.8-1.x knew them: old name -> today's name
_RENAMED = {
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
    num_redis_shards redis_max_clients redis_shard_ports huge_pages include_java job_id load_code_from_local
    _load_code_from_local java_worker_options _java_worker_options code_search_path _code_search_path use_pickle
    lru_evict _lru_evict redis_max_memory _redis_max_memory object_id_seed raylet_socket_name
    plasma_store_socket_name worker_path autoscaling_config log_to_file storage allow_multiple
"""
_REMOVED = frozenset(_REMOVED_NAMES.split())
# Keywords that describe a cluster to start. With one of them and without an address, old Ray started a cluster; today's
# joins one that runs on this machine already, and then refuses the keyword.
_STARTS_A_CLUSTER = frozenset({"num_cpus", "num_gpus", "resources", "object_store_memory", "labels"})


def install(era: str | None = None) -> None:
    """Let `ray.serve` mean serve_compat from now on, and let `ray.init` take the keywords of old releases.

    Call it before the first `from ray import serve`, for example at the top of a notebook. Calling it again does
    nothing. Workers of a Ray that is started afterwards do the same.

    Args:
        era: the generation of Ray the program was written for, where its calls do not tell: "0.8", "1.0", "1.2",
            "1.4", "1.13" or "2.3". See the README.

    Raises:
        ValueError: there is no such era.
    """
    if era is not None:
        importlib.import_module("legacy.eras").choose(era)
    if not any(type(finder).__name__ == _Finder.__name__ for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
    for name in [name for name in sys.modules if name == "ray.serve" or name.startswith("ray.serve.")]:
        if not getattr(sys.modules[name], "__name__", "").startswith("serve_compat"):
            del sys.modules[name]  # the real one, imported before: the next import finds ours
    ray = sys.modules.get("ray")
    if ray is not None and hasattr(ray, "init"):
        _adapt(ray)


def translated(keywords: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Old `ray.init` keywords under today's names, and what the user should hear about it.

    Args:
        keywords: as the program passed them; not changed.
    """
    kept: dict[str, Any] = {}
    notes = []
    for name, value in keywords.items():
        new = _RENAMED.get(name)
        if new is not None and new not in keywords:
            kept[new] = value
            notes.append(f"ray.init({name}=...) is called {new} today")
        elif new is not None or name in _REMOVED:
            notes.append(f"ray.init({name}=...) does not exist any more and was left out")
        else:
            kept[name] = value
    return kept, notes


def where_to(
    keywords: dict[str, Any], positional_address: bool = False, era: Callable[[], str] = str
) -> dict[str, Any]:
    """The keywords of `ray.init` with the cluster they mean spelt out, and with our alias in that cluster's workers.

    Args:
        keywords: under today's names; not changed.
        positional_address: whether the address was given without its name.
        era: gives what the user said with `--era` or `install(era=...)`; asked only where it is needed.
    """
    if positional_address or keywords.get("address") not in (None, "local"):
        # workers of a cluster that runs already were not started with our environment
        return {**keywords, "runtime_env": with_setup_hook(keywords.get("runtime_env"), era())}
    if "address" not in keywords and not _STARTS_A_CLUSTER.isdisjoint(keywords):
        return {**keywords, "address": "local"}
    return keywords


def with_setup_hook(runtime_env: Any, era: str = "") -> Any:
    """A runtime_env whose worker processes call `install` first and know the era; one that has a hook keeps that."""
    given = {} if runtime_env is None else runtime_env
    if not isinstance(given, dict) or "worker_process_setup_hook" in given:
        return runtime_env
    told = {"env_vars": {ERA_VARIABLE: era, **given.get("env_vars", {})}} if era else {}
    return {**given, **told, "worker_process_setup_hook": SETUP_HOOK}


class _Finder(importlib.abc.MetaPathFinder):
    """Answers for ray.serve and below; `ray` itself is found as always and adapted once it is loaded."""

    def __init__(self) -> None:
        self._busy = False

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """The spec of an aliased module, None for all others."""
        if fullname == "ray.serve" or fullname.startswith("ray.serve."):
            return importlib.machinery.ModuleSpec(fullname, _AliasLoader(), origin="serve_compat")
        if fullname != "ray" or self._busy:
            return None
        self._busy = True
        try:
            spec = importlib.util.find_spec("ray")
        finally:
            self._busy = False
        if spec is not None and spec.loader is not None:
            spec.loader = _AdaptingLoader(spec.loader)
        return spec


class _AliasLoader(importlib.abc.Loader):
    """Puts the module of serve_compat into the place of the one of ray.serve; its `__name__` stays serve_compat's."""

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        """The default."""
        return None

    def exec_module(self, module: ModuleType) -> None:
        """Replace the module by ours."""
        name = module.__name__
        ours = "serve_compat" + name[len("ray.serve") :]
        try:
            sys.modules[name] = importlib.import_module(ours)
        except ModuleNotFoundError as error:
            if error.name is None or not ours.startswith(error.name):
                raise
            text = f"serve_compat offers no {name!r}; the public modules of old ray.serve are there, its inner ones not"
            raise ModuleNotFoundError(text, name=name) from None


class _AdaptingLoader(importlib.abc.Loader):
    """Loads `ray` by its own loader and adapts it."""

    def __init__(self, real: Any) -> None:
        self._real = real

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        """As the real loader."""
        module: ModuleType | None = self._real.create_module(spec)
        return module

    def exec_module(self, module: ModuleType) -> None:
        """As the real loader, then adapt."""
        module.__loader__ = self._real  # what anybody else sees
        if module.__spec__ is not None:
            module.__spec__.loader = self._real
        self._real.exec_module(module)
        _adapt(module)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


def _adapt(ray: ModuleType) -> None:
    if not getattr(ray.init, "_adapted_by_serve_compat", False):
        ray.init = _old_keywords_too(ray.init)  # type: ignore[attr-defined]


def _era() -> str:
    try:
        return str(importlib.import_module("legacy.settings").load().era)
    except ImportError:  # a package of the user's is called `legacy`, so nothing in this process can use serve
        return ""


def _old_keywords_too(init: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(init)
    def adapted(*args: Any, **keywords: Any) -> Any:
        kept, notes = translated(keywords)
        for note in notes:
            warnings.warn(note, UserWarning, stacklevel=2)
        return init(*args, **where_to(kept, bool(args), _era))

    adapted._adapted_by_serve_compat = True  # type: ignore[attr-defined]
    return adapted
