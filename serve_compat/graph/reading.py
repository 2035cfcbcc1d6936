"""What a graph's InputNode reads of the arguments of a call. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, eq=False)
class DAGInputData:
    """The whole request of a graph that was called with several arguments.

    Attributes:
        args, kwargs: as they were given.
    """

    args: tuple[Any, ...]
    kwargs: dict[str, Any]

    def __getitem__(self, key: Any) -> Any:
        return self.args[key] if isinstance(key, int) else self.kwargs[key]


def read(path: tuple[tuple[str, Any], ...], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The part of a request that an InputNode reads; TypeError when there is no such argument.

    With one positional argument and nothing else, the path leads into it; otherwise its first step chooses an argument.
    """
    if len(args) == 1 and not kwargs:
        value, rest = args[0], path
    elif path:
        value, rest = _argument(path[0][1], args, kwargs), path[1:]
    elif args or kwargs:
        return DAGInputData(args, kwargs)
    else:
        raise TypeError("the graph reads its input, but it was called without arguments")
    for kind, key in rest:
        value = value[key] if kind == "item" else getattr(value, key)
    return value


def _argument(key: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    try:
        return args[key] if isinstance(key, int) else kwargs[key]
    except (IndexError, KeyError):
        given = f"{len(args)} positional arguments and the keywords {sorted(kwargs) or 'none'}"
        raise TypeError(f"the graph reads input[{key!r}], but it was called with {given}") from None
