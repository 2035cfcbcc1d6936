"""The handles that a graph's constructors get, and that JSON can name. They find their instance when they are used."""

from __future__ import annotations

import asyncio
from types import CoroutineType
from typing import Any

import ray

from legacy.handle import RayServeHandle
from legacy.session import deployments
from serve_compat.graph.plan import Plan, Step
from serve_compat.graph.refs import Awaited, shown


class RayServeDeploymentHandle:
    """Calls a deployment of the graph: `handle.remote(...)`, `handle.method.remote(...)`.

    `remote` gives an ObjectRef that suits Ray 1.13 and Ray 2.x (see `serve_compat.graph.refs`): for ray.get, for other
    calls, for `await` and for a second `await` on what that gave.

    Args:
        deployment_name: it need not be deployed yet.
        awaited: what awaiting the result of `remote` gives.
        options: those of `RayServeHandle.options`.
    """

    def __init__(
        self, deployment_name: str, awaited: Awaited = Awaited.EITHER, options: dict[str, Any] | None = None
    ) -> None:
        self.deployment_name = deployment_name
        self._awaited = awaited
        self._options = options or {}
        self._connected: dict[bool, RayServeHandle] = {}

    def remote(self, *args: Any, **kwargs: Any) -> Any:
        """Send a call; blocks while no replica has a free slot, as in Ray 1.13.

        Raises:
            DeadlineError: no replica had a free slot in time, or there is no such deployment.
        """
        return shown(self._call(sync=True).remote(*args, **kwargs), self._awaited)

    def options(self, **changes: Any) -> RayServeDeploymentHandle:
        """A new handle with these options over the present ones; they are those of `RayServeHandle.options`."""
        return RayServeDeploymentHandle(self.deployment_name, self._awaited, {**self._options, **changes})

    def renamed(self, deployment_name: str) -> RayServeDeploymentHandle:
        """The same handle to another deployment."""
        return RayServeDeploymentHandle(deployment_name, self._awaited, self._options)

    def __getattr__(self, name: str) -> RayServeDeploymentHandle:
        if name.startswith("_"):
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")
        return self.options(method_name=name)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(deployment={self.deployment_name!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RayServeDeploymentHandle) and self.__reduce__() == other.__reduce__()

    def __hash__(self) -> int:
        return hash(self.deployment_name)

    def __reduce__(self) -> tuple[Any, ...]:
        return RayServeDeploymentHandle, (self.deployment_name, self._awaited, self._options)

    def _call(self, sync: bool) -> RayServeHandle:
        call = self._connected.get(sync)
        if call is None:
            found: RayServeHandle = deployments.handle(self.deployment_name, sync).options(**self._options)
            call = self._connected[sync] = found
        return call


class RayServeDAGHandle:
    """Runs a part of the graph: one call per node, all made from this process.

    Results go from node to node without passing through here. Those that are bound in lists or dicts arrive as
    ObjectRefs, as in the originals.

    Args:
        plan: the calls.
        awaited: what awaiting the result of `remote` gives.
    """

    def __init__(self, plan: Plan, awaited: Awaited = Awaited.EITHER) -> None:
        self.plan = plan
        self._awaited = awaited
        self._calls: dict[tuple[int, bool], RayServeHandle] = {}

    def remote(self, *args: Any, **kwargs: Any) -> Any:
        """Run it for one request, and give the reference to the last node's result as deployment handles do."""
        results: list[Any] = []
        for index, step in enumerate(self.plan.steps):
            positional, named = step.arguments(results, args, kwargs)
            if step.after is not None:
                ray.wait([results[step.after]])
            results.append(self._call(index, step, sync=True).remote(*positional, **named))
        return shown(results[-1], self._awaited)

    async def send(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The same without blocking the event loop while a deployment has no free slot; gives a plain ObjectRef."""
        results: list[Any] = []
        for index, step in enumerate(self.plan.steps):
            positional, named = step.arguments(results, args, kwargs)
            if step.after is not None:
                await asyncio.gather(results[step.after], return_exceptions=True)
            results.append(await self._call(index, step, sync=False).remote(*positional, **named))
        return results[-1]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({' -> '.join(f'{step.deployment}.{step.method}' for step in self.plan.steps)})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RayServeDAGHandle) and self.__reduce__() == other.__reduce__()

    __hash__ = object.__hash__

    def __reduce__(self) -> tuple[Any, ...]:
        return RayServeDAGHandle, (self.plan, self._awaited)

    def _call(self, index: int, step: Step, sync: bool) -> RayServeHandle:
        call = self._calls.get((index, sync))
        if call is None:
            found: RayServeHandle = deployments.handle(step.deployment, sync).options(method_name=step.method)
            call = self._calls[index, sync] = found
        return call


async def value_of(handle: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What a call gives, for code of ours: whatever awaiting a handle's result means in the user's program.

    The event loop is not blocked while no replica has a free slot.

    Args:
        handle: one of the two of this module, or one that the user has got by other means.
    """
    if isinstance(handle, RayServeDAGHandle):
        return await (await handle.send(args, kwargs))
    if isinstance(handle, RayServeDeploymentHandle):
        return await (await handle._call(sync=False).remote(*args, **kwargs))
    result = handle.remote(*args, **kwargs)
    while isinstance(result, (CoroutineType, ray.ObjectRef)):
        result = await result
    return result
