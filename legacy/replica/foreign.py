"""Kinds of values of libraries that nothing here imports: whoever has such a value has, and numpy takes 60 ms."""

from __future__ import annotations

import sys
from typing import Any


class _Kind(type):
    names: tuple[str, ...]

    def __instancecheck__(cls, value: Any) -> bool:
        module = sys.modules.get(cls.__module__)
        return module is not None and isinstance(value, tuple(getattr(module, name) for name in cls.names))


def _kind(module: str, *names: str) -> _Kind:
    return _Kind(names[0], (), {"__module__": module, "names": names})


Numpy = _kind("numpy", "ndarray", "generic")
Frame = _kind("pandas", "DataFrame")
FirstModel = _kind("pydantic.v1", "BaseModel")
