"""The core of serve-compat: backends, endpoints, traffic, replicas and handles of Ray Serve 0.8-1.7 on today's Ray.

`from legacy import start, BackendConfig, ...` gives the same names as `serve_compat`; they are loaded when first used.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from legacy import public_names
from legacy.name_clash import packages_in_the_way, refusal

_MODULES = public_names.modules_by_name(public_names.API, public_names.PACKAGE, public_names.MODULES)

__all__ = sorted(_MODULES)


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return public_names.load(name, _MODULES[name], globals())


def __dir__() -> list[str]:
    return [*globals(), *__all__]


def _refuse_to_be_shadowed() -> None:
    # Ray puts the script's directory and the current one in front of every worker's import path
    for package in packages_in_the_way("legacy", Path(__file__).parent, (sys.path[0] if sys.path else "", "")):
        raise ImportError(refusal(package), name="legacy", path=str(package))


_refuse_to_be_shadowed()
