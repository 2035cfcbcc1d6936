"""Walking through arguments and graphs without knowing what is in them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

T = TypeVar("T")

LEFT = object()
"""What a replacement function returns for a value it does not replace."""


def replaced(value: Any, replace: Callable[[Any], Any]) -> Any:
    """The value with everything replaced that `replace` has something for, also inside lists, tuples, dicts and sets.

    Args:
        value: not changed; returned itself when there is nothing to replace in it.
        replace: gives what to put into the place of a value, or LEFT.
    """
    new = replace(value)
    if new is not LEFT:
        return new
    if isinstance(value, dict):
        return _with_items(value, {key: replaced(item, replace) for key, item in value.items()})
    if isinstance(value, (list, tuple, set, frozenset)):
        old = list(value)
        items = [replaced(item, replace) for item in old]
        if all(one is other for one, other in zip(items, old, strict=True)):
            return value
        if hasattr(value, "_fields"):
            return type(value)(*items)
        return type(value)(items)
    return value


def found_in(value: Any, kind: type[T]) -> list[T]:
    """The objects of that type in a value, where `replaced` would find them."""
    found: list[T] = []

    def note(each: Any) -> Any:
        if isinstance(each, kind):
            found.append(each)
            return each
        return LEFT

    replaced(value, note)
    return found


def ordered(root: T, children: Callable[[T], Sequence[T]]) -> list[T]:
    """The root and everything below it, each once and after its children, the first child first."""
    done: list[T] = []
    seen = {id(root)}
    open_: list[tuple[T, Iterator[T]]] = [(root, iter(children(root)))]
    while open_:
        node, rest = open_[-1]
        child = next(rest, None)
        if child is None:
            done.append(node)
            open_.pop()
        elif id(child) not in seen:
            seen.add(id(child))
            open_.append((child, iter(children(child))))
    return done


def _with_items(value: dict[Any, Any], items: dict[Any, Any]) -> dict[Any, Any]:
    if all(items[key] is value[key] for key in items):
        return value
    changed = copy.copy(value)  # an OrderedDict or defaultdict stays one
    changed.update(items)
    return changed
