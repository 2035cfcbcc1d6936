"""Handles: call an endpoint from Python instead of HTTP (Ray 0.8-2.6)."""

from __future__ import annotations

from typing import Any, NamedTuple

from legacy import cluster
from legacy.calls.channel import Call
from legacy.calls.local_router import LocalRouter
from legacy.calls.routers import routers
from legacy.calls.target import Target
from legacy.constants import QUEUE_TIMEOUT_S
from legacy.generations import Generation
from legacy.records import InstanceName
from legacy.replica.calls import actor_method
from legacy.replica.messages import CALL


class HandleOptions(NamedTuple):
    """What `handle.options` sets; merged over the options of the handle it is called on."""

    method_name: str = CALL
    shard_key: str | None = None
    http_method: str = "GET"
    http_headers: dict[str, str] | None = None
    queue_timeout_s: float = QUEUE_TIMEOUT_S


_DEFAULTS = HandleOptions()


class RayServeHandle:
    """Calls an endpoint; `await handle.remote(...)` gives a `ray.ObjectRef`, which can be awaited in turn.

    Handles may be shared between threads and sent to tasks, actors and backends; they follow changes of traffic and
    replicas by themselves. `serve.get_handle` makes them.

    Args:
        instance: the serve instance the endpoint belongs to.
        endpoint: its name.
        generation: whose rules hold for arguments and for endpoints that do not exist.
        options: see `options`.
        methods: what may be called as `handle.name.remote(...)`, for others than deployments' own handles.
    """

    def __init__(
        self,
        instance: InstanceName,
        endpoint: str,
        generation: Generation,
        options: HandleOptions = _DEFAULTS,
        methods: tuple[str, ...] = (),
    ) -> None:
        self._instance = instance
        self._endpoint = endpoint
        self._generation = generation
        self._options = options
        self._methods = methods
        self._link: tuple[LocalRouter, Target] | None = None

    async def remote(self, *args: Any, **kwargs: Any) -> Any:
        """Send a call to one of the endpoint's replicas.

        Args:
            args: backends get at most one as the request's body, several only through the module functions of Ray
                1.4-1.7; deployments get them as they are. `ray.ObjectRef`s are resolved first.
            kwargs: become the request's query parameters; deployments get them as they are.

        Returns:
            The `ray.ObjectRef` of the answer.

        Raises:
            TypeError: more than one positional argument through a Client (Ray 1.0-1.3).
            DeadlineError: no replica had a free slot in time, or the endpoint does not exist.
            InstanceError: the instance was shut down, or the cluster that it was in.
        """
        router, target = self._connected()
        call = self._call(args, kwargs)
        appear_s = self._generation.missing_endpoint_s
        return await router.send_async(target, call, self._options.queue_timeout_s, appear_s)

    def options(
        self,
        *,
        method_name: str | None = None,
        shard_key: str | None = None,
        http_method: str | None = None,
        http_headers: dict[str, str] | None = None,
        queue_timeout_s: float | None = None,
    ) -> Any:
        """A new handle with these options over the present ones; this handle is unchanged (Ray 1.2-1.7).

        Args:
            method_name: the method of the backend's class to call.
            shard_key: calls with the same key reach the same backend while the traffic policy stays.
            http_method, http_headers: what the handler sees as the request's method and headers.
            queue_timeout_s: seconds `remote` may wait for a free replica (this project's own).
        """
        given = {name: value for name, value in locals().items() if name != "self" and value is not None}
        return self._with(self._options._replace(**given))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or not (self._generation.methods_as_attributes or name in self._methods):
            raise AttributeError(
                f"{type(self).__name__} has no attribute {name!r}; to call a method of the backend, "
                f"use handle.options(method_name={name!r}).remote(...)"
            )
        return self._with(self._options._replace(method_name=name))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._generation.noun}={self._endpoint!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._instance, self._endpoint, self._generation, self._options, self._methods)

    def connect(self) -> None:
        """Begin to follow the endpoint's traffic now instead of at the first call."""
        self._connected()

    def _with(self, options: HandleOptions) -> Any:
        other = type(self)(self._instance, self._endpoint, self._generation, options, self._methods)
        other._link = self._link  # so that it knows the traffic policy this handle knew, if the endpoint is deleted
        return other

    def _connected(self) -> tuple[LocalRouter, Target]:
        link = self._link
        if link is None or link[0].closed or link[0].connection is not cluster.connection():
            router = routers.get(self._instance)
            link = self._link = (router, router.target(self._endpoint))
        return link

    def _call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call:
        rules, options = self._generation, self._options
        style: str = rules.call_style
        if rules.data_argument in kwargs:
            kwargs = dict(kwargs)
            args = (*args, kwargs.pop(rules.data_argument))
        if len(args) > 1:
            if not rules.several_arguments:
                raise TypeError(
                    f"{self!r}.remote() takes one positional argument, the request's data, but {len(args)} were given; "
                    "pass the others as keyword arguments (request.query_params), or get the handle with "
                    "serve.get_handle, whose calls pass several arguments straight on"
                )
            style = "raw"
        meta = (options.method_name, style, options.http_method, options.http_headers, options.shard_key)
        return Call(actor_method(meta), meta, args, kwargs, options.shard_key)


class RayServeSyncHandle(RayServeHandle):
    """Calls an endpoint; `handle.remote(...)` gives a `ray.ObjectRef` for `ray.get`, `ray.wait` or another call."""

    def remote(self, *args: Any, **kwargs: Any) -> Any:
        """Send a call to one of the endpoint's replicas; blocks while none has a free slot.

        Arguments, result and errors are those of `RayServeHandle.remote`.
        """
        router, target = self._connected()
        return router.send(
            target, self._call(args, kwargs), self._options.queue_timeout_s, self._generation.missing_endpoint_s
        )
