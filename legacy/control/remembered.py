"""What is remembered of the commands that came last, so that Ray may run one of them again. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

REMEMBERED = 64  # commands; Ray runs one again within seconds, and their records follow as soon

T = TypeVar("T")


def with_one_more(known: tuple[T, ...], new: T, is_needed: Callable[[T], bool]) -> tuple[T, ...]:
    """What is known and one more; the oldest is forgotten.

    Args:
        is_needed: whether one that is too old for that must be kept all the same.
    """
    old, late = known[: 1 - REMEMBERED], known[1 - REMEMBERED :]
    return (*filter(is_needed, old), *late, new)
