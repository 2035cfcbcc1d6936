"""Handles as Ray 0.8 and Ray 1.0-1.1 had them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

from legacy.errors import RayServeException
from legacy.handle import HandleOptions, RayServeSyncHandle


class KeywordHandle(RayServeSyncHandle):
    """A handle of Ray 0.8: `handle.remote(**kwargs)` calls the handler with these keyword arguments."""

    def remote(self, *args: Any, **kwargs: Any) -> Any:
        """Send a call to one of the endpoint's replicas; gives the `ray.ObjectRef` of the answer.

        Raises:
            RayServeException: a positional argument.
            DeadlineError: no replica had a free slot in time, or the endpoint has no backend.
        """
        if args:
            raise RayServeException(
                f"handle.remote must be invoked with keyword arguments in Ray 0.8, not with {len(args)} positional"
            )
        return super().remote(**kwargs)

    def options(  # type: ignore[override]
        self,
        method_name: str | None = None,
        shard_key: str | None = None,
        relative_slo_ms: float | None = None,
        absolute_slo_ms: float | None = None,
    ) -> Any:
        """A new handle with these options over the present ones; deadlines have no effect, see `check_deadlines`."""
        check_deadlines(relative_slo_ms, absolute_slo_ms)
        return super().options(method_name=method_name, shard_key=shard_key)

    def get_traffic_policy(self) -> dict[str, float]:
        """The weights of the endpoint's backends, as far as this process knows them."""
        _, target = self._connected()
        return {} if target.endpoint is None else dict(target.endpoint.traffic)

    def __repr__(self) -> str:
        return f'\nRayServeHandle(\n    Endpoint="{self._endpoint}",\n    Traffic={self.get_traffic_policy()}\n)\n'

    def __getattr__(self, name: str) -> NoReturn:
        raise AttributeError(
            f"a handle of Ray 0.8 has no attribute {name!r}; to call a method of the backend, "
            f"use handle.options(method_name={name!r}).remote(...)"
        )


class FirstHandle(RayServeSyncHandle):
    """A handle of Ray 1.0-1.1, whose `options` change the handle itself."""

    def options(self, method_name: str | None = None, **more: Any) -> FirstHandle:
        """Set options that were not set yet on this handle, and give it back.

        Args:
            method_name: the method of the backend's class to call.
            more: `shard_key`, `http_method`, `http_headers`, as for `RayServeHandle.options`.
        """
        defaults, present = HandleOptions(), self._options
        wanted: Mapping[str, Any] = super().options(method_name=method_name, **more)._options._asdict()
        unset = {name: value for name, value in wanted.items() if getattr(present, name) == getattr(defaults, name)}
        self._options = present._replace(**unset)
        return self

    def __repr__(self) -> str:
        return f"RayServeHandle(endpoint={self._endpoint!r})"


KeywordHandle.__name__ = FirstHandle.__name__ = "RayServeHandle"  # as programs knew both


def check_deadlines(relative_slo_ms: Any, absolute_slo_ms: Any) -> None:
    """Refuse what Ray 0.8 refused as a deadline for a call.

    Raises:
        AssertionError: both are given.
        RayServeException: one that is negative or no number.
    """
    if relative_slo_ms is not None and absolute_slo_ms is not None:
        raise AssertionError("give relative_slo_ms or absolute_slo_ms, not both")
    for value in (relative_slo_ms, absolute_slo_ms):
        try:
            negative = value is not None and float(value) < 0
        except (TypeError, ValueError):
            raise RayServeException(f"a deadline must be a number of milliseconds, not {value!r}") from None
        if negative:
            raise RayServeException(f"a deadline must be positive, not {value!r}")
