"""Calls of Ray 0.8 backends: HTTP gives one Flask request, a handle gives keyword arguments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, NoReturn

from legacy.errors import RayServeException


class Asked(NamedTuple):
    """One call of a batch."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    web: bool


class NoRequest:
    """What a handle call passes for the Flask request that the handler has a parameter for; it has nothing to read."""

    def __getattribute__(self, name: str) -> Any:
        if name in ("__class__", "__reduce_ex__"):  # so that it may be looked at and sent on
            return object.__getattribute__(self, name)
        _refuse(name)

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return NoRequest, ()

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        _refuse(name)


def batch_arguments(calls: Sequence[Asked], takes_requests: bool) -> tuple[tuple[Any, ...], dict[str, list[Any]]]:
    """The arguments of an `accept_batch` handler: a list for the requests and one for each keyword.

    Args:
        calls: of the same method.
        takes_requests: whether the handler has a positional parameter at all.

    Raises:
        RayServeException: some calls came over HTTP and some through a handle.
    """
    if len({call.web for call in calls}) > 1:
        raise RayServeException(
            "a batch holds HTTP requests and handle calls, which the handler cannot tell apart (Ray 0.8); "
            "send one kind only, or set max_batch_size to 1"
        )
    columns: dict[str, list[Any]] = {}
    for call in calls:
        for name, value in call.kwargs.items():
            columns.setdefault(name, []).append(value)
    requests = [call.args[0] for call in calls if call.args]
    return ((requests,) if takes_requests else ()), columns


def _refuse(name: str) -> NoReturn:
    raise RayServeException(
        f"request.{name} was used in a call that came through a handle, where there is no request; "
        "look at serve.context.web first"
    )
