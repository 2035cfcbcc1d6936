"""What scripts use to describe backends: `accept_batch`, and backends that are imported in the replica only."""

from __future__ import annotations

import inspect
from typing import Any, TypeVar

_ACCEPTS_BATCHES = "_serve_accepts_batches"
IMPORT_PATH = "_serve_import_path"
"""The attribute of a class made by `ImportedBackend`: the dotted path it stands for."""

Target = TypeVar("Target")


def accept_batch(target: Target) -> Target:
    """Mark a function, a class or a class's `__call__` as a handler of lists of requests (Ray 0.8-1.3).

    Such a handler gets a list of requests, at most `max_batch_size` long, and returns one answer for each, in order.

    Returns:
        The same object.
    """
    setattr(target, _ACCEPTS_BATCHES, True)
    return target


def accepts_batches(target: Any) -> bool:
    """Whether a function or class was marked with `accept_batch`."""
    call = getattr(target, "__call__", None) if inspect.isclass(target) else None  # noqa: B004 - the mark is on it
    return bool(getattr(target, _ACCEPTS_BATCHES, False) or getattr(call, _ACCEPTS_BATCHES, False))


def ImportedBackend(path: str) -> type:  # noqa: N802 - the public name since Ray 1.2
    """A backend class that stands for a class or function which only the replicas import (Ray 1.2).

    `create_backend("b", ImportedBackend("package.module.Name"), *init_args)`; Ray 1.3+ takes the bare path instead.

    Args:
        path: dotted path of a class or function.

    Raises:
        ValueError: `path` is not a dotted path.
    """
    if not isinstance(path, str) or "." not in path:
        raise ValueError(f"ImportedBackend needs a dotted path such as 'package.module.Name', not {path!r}")
    return type("ImportedBackend", (), {IMPORT_PATH: path, "__doc__": f"Stands for {path}."})
