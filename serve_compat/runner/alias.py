"""Makes `ray.serve` and its submodules mean this package, in this process, its sub-processes and Ray's workers.

Imports nothing but the standard library: every worker and sub-process of an aliased program loads this file at start,
also where Ray or this project's other dependencies are never used.
"""

from __future__ import annotations

import functools
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

_HERE = os.path.dirname(os.path.abspath(__file__))
SITE = os.path.join(_HERE, "_site")  # its sitecustomize calls install_here() in every process that has it on PYTHONPATH

_OLD_NAMES = ("ray.serve", "ray.experimental.serve")  # the second is Ray 0.7's
_RAYS_OWN = ("ray.experimental.dag",)
# What Ray has elsewhere today, or what cannot have its old name here
_MOVED = {
    "ray.experimental.dag": "ray.dag",
    "ray.serve.deployment": "serve_compat.deployments.deployment",
    "ray.serve.application": "serve_compat.graph.application",
}
_OURS = ("serve_compat", "legacy")


def install(era: str | None = None) -> None:
    """Let `ray.serve` mean serve_compat from now on, and let `ray.init` take the keywords of old releases.

    Call it before the first `from ray import serve`, for example at the top of a notebook. Calling it again does
    nothing. The workers of a Ray that is started or joined afterwards and Python processes that are started afterwards
    do the same: our directory goes to the front of their PYTHONPATH.

    Args:
        era: the generation of Ray the program was written for, where its calls do not tell: "0.8", "1.0", "1.2",
            "1.4", "1.13" or "2.3". See the README.

    Raises:
        ValueError: there is no such era.
    """
    if era is not None:
        importlib.import_module("legacy.eras").choose(era)
    settings = importlib.import_module("legacy.settings")
    settings.put("python_path", extended(settings.load().python_path))
    install_here()


def install_here() -> None:
    """`install` for this process alone."""
    if not any(type(finder).__name__ == _Finder.__name__ for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
    for name in [name for name in sys.modules if _is_in(name, _OLD_NAMES)]:
        if not getattr(sys.modules[name], "__name__", "").startswith("serve_compat"):
            del sys.modules[name]  # the real one, imported before: the next import finds ours
    ray = sys.modules.get("ray")
    if ray is not None and hasattr(ray, "init"):
        _adapt(ray)


def find_moved_modules() -> None:
    """Let modules be found under the names that Ray had for them, where today's Ray has them under others."""
    if not any(type(finder).__name__ == _MovedFinder.__name__ for finder in sys.meta_path):
        sys.meta_path.insert(0, _MovedFinder())  # first: else what is below is loaded a second time, from its new place


def extended(python_path: str) -> str:
    """A PYTHONPATH with our directory in front, once."""
    return os.pathsep.join([SITE, *(entry for entry in python_path.split(os.pathsep) if entry and entry != SITE)])


class _Finder(importlib.abc.MetaPathFinder):
    """Answers for ray.serve and below; `ray` itself is found as always and adapted once it is loaded."""

    def __init__(self) -> None:
        self._busy = False

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """The spec of an aliased module, None for all others."""
        if _is_in(fullname, (*_OLD_NAMES, *_MOVED)):
            return importlib.machinery.ModuleSpec(fullname, _AliasLoader(), origin="serve_compat")
        if self._busy or fullname not in ("ray", *_OURS):
            return None
        self._busy = True
        try:
            spec = importlib.util.find_spec(fullname)
        finally:
            self._busy = False
        if fullname in _OURS:  # a checkout that is not installed, or another virtual environment's interpreter
            return spec or importlib.machinery.PathFinder.find_spec(fullname, [os.path.dirname(os.path.dirname(_HERE))])
        if spec is not None and spec.loader is not None:
            spec.loader = _AdaptingLoader(spec.loader)
        return spec


class _MovedFinder(importlib.abc.MetaPathFinder):
    """Answers for what today's Ray has elsewhere; nothing means this package in the place of ray.serve by that."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """The spec of a module that has moved, None for all others."""
        if _is_in(fullname, _RAYS_OWN):
            return importlib.machinery.ModuleSpec(fullname, _AliasLoader(), origin=meant(fullname))
        return None


class _AliasLoader(importlib.abc.Loader):
    """Puts the module of serve_compat into the place of the one of ray.serve; its `__name__` stays serve_compat's."""

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        """The default."""
        return None

    def exec_module(self, module: ModuleType) -> None:
        """Replace the module by ours."""
        name = module.__name__
        ours = meant(name)
        try:
            found = importlib.import_module(ours)
        except ModuleNotFoundError as error:
            if error.name is None or not ours.startswith(error.name):
                raise
            raise ModuleNotFoundError(_no_module(name, ours), name=name) from None
        sys.modules[name] = _decorator(found) if name == "ray.serve.deployment" else found


def meant(name: str) -> str:
    """The module that an old name stands for today, whether or not there is one.

    Args:
        name: of a module in ray.serve, ray.experimental.serve or ray.experimental.dag.
    """
    for old, new in (*_MOVED.items(), *((old, "serve_compat") for old in _OLD_NAMES)):
        if _is_in(name, (old,)):
            return new + name[len(old) :]
    return name


def _is_in(name: str, packages: Sequence[str]) -> bool:
    return any(name == package or name.startswith(package + ".") for package in packages)


def _decorator(deployments: ModuleType) -> Any:
    # What is imported as ray.serve.deployment becomes serve.deployment too, which must stay the decorator (Ray 1.13+
    # had a module and a decorator of that name): so the decorator stands for the module.
    deployments.deployment.Deployment = deployments.Deployment
    deployments.deployment.deployment = deployments.deployment
    return deployments.deployment


def _no_module(name: str, ours: str) -> str:
    lesson = importlib.import_module("serve_compat.names.teaching").lesson(ours.partition(".")[2], "", ())
    told = lesson or "the public modules of old ray.serve are there, its inner ones not"
    return f"serve_compat offers no {name!r}; {told}"


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
    # by its path, since this file may have been loaded so too: the package itself is only imported when it is used
    spec = importlib.util.spec_from_file_location("_serve_compat_ray_calls", os.path.join(_HERE, "ray_calls.py"))
    assert spec is not None
    assert spec.loader is not None
    calls = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(calls)
    calls.adapt(ray)
    known = ray.__dict__.get("__getattr__", functools.partial(_unknown, ray.__name__))
    if not isinstance(known, _WithServe):
        ray.__dict__["__getattr__"] = _WithServe(known)


class _WithServe:
    """`__getattr__` of `ray`: `import ray; ray.serve.start()` works without an import of its own."""

    def __init__(self, rest: Callable[[str], Any]) -> None:
        self._rest = rest

    def __call__(self, name: str) -> Any:
        return importlib.import_module("ray.serve") if name == "serve" else self._rest(name)


def _unknown(module: str, name: str) -> Any:
    raise AttributeError(f"module {module!r} has no attribute {name!r}", name=name)
