"""`ray.serve.api` of Ray 0.8-2.6."""

from __future__ import annotations

import sys
from typing import Any

from legacy.public_names import load
from serve_compat.names.public import API
from serve_compat.names.teaching import missing

__all__ = sorted(API)


def __getattr__(name: str) -> Any:
    if name in API:
        return load(name, API[name], globals())
    raise missing(name, __name__, __all__, sys._getframe(1))


def __dir__() -> list[str]:
    return __all__
