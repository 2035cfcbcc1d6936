"""Starts, finds and kills the actors of an instance. The only place that makes actors but the controller."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import cache
from typing import Any

import ray
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from legacy import cluster
from legacy.control.capacity import lacking
from legacy.control.process_state import computes
from legacy.environments.agent import ServeEnvironments
from legacy.ingress.proxy import ServeProxy
from legacy.logs import logger
from legacy.records import InstanceName, ProxyStart, ReplicaAddress, ReplicaStart
from legacy.replica.replica import ServeReplica

RETRIES = 3  # of a call whose agent died: it comes back, and what was complete is still there
LOOK_S = 4.0  # for a task on another node, whose process may have to be started first
MANY = 100_000  # concurrent calls per actor: the routers keep the real limit, this only must not be in the way


class RayLauncher:
    """Makes the actors of one instance in one Ray namespace.

    All actors are detached from whoever made them, so they outlive a controller that is killed; the instance itself
    stops them when its driver is gone. Replicas never restart by themselves: the controller replaces them, since a
    restarted actor would run the same calls again.
    """

    def __init__(self, instance: InstanceName) -> None:
        self._instance = instance

    def start_replica(self, start: ReplicaStart, actor_options: dict[str, Any]) -> Any:
        """Make a replica's actor; it may stay pending until the cluster has room."""
        options = {"max_restarts": 0, "max_task_retries": 0, **actor_options}
        return self._make(ServeReplica, start.tag, options).remote(start)

    async def lacking(self, actor_options: Mapping[str, Any], count: int) -> str:
        """What `count` more replicas lack, see `capacity.lacking`; "" also when that cannot be told."""
        try:
            return await lacking(actor_options, count)
        except Exception as error:  # whatever Ray raises while the GCS is away
            logger.debug("the free resources could not be read: %s", error)
            return ""

    async def is_waiting(self, actor: Any) -> bool:
        """Whether an actor has not begun on any node; False also when that cannot be told."""
        try:
            return await asyncio.to_thread(cluster.waits_for_room, actor)
        except Exception as error:  # whatever Ray raises while the GCS is away
            logger.debug("the state of an actor could not be read: %s", error)
            return False

    def start_proxy(self, start: ProxyStart, num_cpus: float) -> Any:
        """Make a proxy's actor on its node; Ray restarts it there when it dies."""
        return self._make_on(start.node_id, ServeProxy, start.name, num_cpus, retries=0).remote(start)

    def start_environments(self, name: str, node_id: str, directory: str) -> Any:
        """Make the actor that prepares environments on a node; Ray restarts it there when it dies."""
        return self._make_on(node_id, ServeEnvironments, name, 0, RETRIES).remote(node_id, directory)

    def find(self, name: str) -> Any | None:
        """The living actor of that replica tag or proxy name, or None."""
        try:
            return ray.get_actor(self._full(name), namespace=self._instance.namespace)
        except ValueError:
            return None

    def restart(self, actor: Any) -> None:
        """End the process of an actor that may restart; Ray starts it anew."""
        ray.kill(actor, no_restart=False)

    async def is_working(self, address: ReplicaAddress) -> bool:
        """Whether a replica that answers nothing computes, as its node sees it; False also when that cannot tell."""
        if address.node_id == cluster.this_node():
            return await asyncio.to_thread(computes, address.pid)
        there = NodeAffinitySchedulingStrategy(address.node_id, soft=False)
        look = _remote(computes).options(num_cpus=0, max_retries=0, scheduling_strategy=there)
        try:
            return bool(await asyncio.wait_for(look.remote(address.pid), LOOK_S))
        except (RayError, asyncio.TimeoutError):
            return False

    def kill(self, actor: Any) -> None:
        """End an actor now and for good; one that is dead already is fine."""
        ray.kill(actor, no_restart=True)

    def _make(self, kind: type, name: str, options: dict[str, Any]) -> Any:
        shared = {"name": self._full(name), "namespace": self._instance.namespace, "lifetime": "detached"}
        return _remote(kind).options(**{"max_concurrency": MANY, **options, **shared})

    def _make_on(self, node_id: str, kind: type, name: str, num_cpus: float, retries: int) -> Any:
        there = NodeAffinitySchedulingStrategy(node_id, soft=False)
        again = {"max_restarts": -1, "max_task_retries": retries}
        return self._make(kind, name, {"num_cpus": num_cpus, "scheduling_strategy": there, **again})

    def _full(self, name: str) -> str:
        return f"{self._instance.controller}:{name}"


@cache  # Ray keeps for good whatever it makes of a class or function, 40 KiB each time
def _remote(what: Any) -> Any:
    return ray.remote(what)
