"""Loaded by every Python process of a program started with `serve-compat run`: lets `ray.serve` mean serve_compat.

The runner puts this directory on PYTHONPATH. Afterwards the sitecustomize that would have been loaded without us runs.
"""

import importlib.machinery
import importlib.util
import os
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))
_ALIAS = os.path.join(os.path.dirname(_HERE), "alias.py")
_RAY_ITSELF = ("/ray/dashboard/", "/ray/_private/", "/ray/autoscaler/", "/ray/util/client/server/")
_WORKERS = ("default_worker.py", "setup_worker.py")


def _is_part_of_ray() -> bool:
    """Whether this process is one of Ray's own servers, which need the real ray.serve."""
    program = next((part for part in sys.orig_argv[1:] if part.endswith(".py")), "").replace(os.sep, "/")
    return any(part in program for part in _RAY_ITSELF) and not program.endswith(_WORKERS)


def _alias() -> None:
    # by its path, not as serve_compat.runner.alias: the package itself is only imported when it is used
    spec = importlib.util.spec_from_file_location("_serve_compat_alias", _ALIAS)
    if spec is not None and spec.loader is not None:
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        module.install_here()


def _next_sitecustomize() -> None:
    others = [entry for entry in sys.path if os.path.abspath(entry) != _HERE]
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", others)
    if spec is not None and spec.loader is not None:
        module = importlib.util.module_from_spec(spec)
        sys.modules["sitecustomize"] = module
        spec.loader.exec_module(module)


# The program may start an interpreter too old for us, which must not hear of it
if sys.version_info >= (3, 10) and not _is_part_of_ray():
    _alias()
_next_sitecustomize()
