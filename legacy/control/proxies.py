"""Which nodes run an HTTP proxy, and the actors that do."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ray.exceptions import RayActorError, RayError

from legacy.cluster import Node
from legacy.config import DeploymentMode, HTTPOptions
from legacy.constants import PROXY_NAME, PROXY_READY_S
from legacy.control.instance import STOP_S, InstanceStart
from legacy.records import ProxyStart

logger = logging.getLogger("ray.serve")


def nodes_with_proxy(options: HTTPOptions, nodes: Sequence[Node]) -> list[str]:
    """The ids of the nodes that run a proxy, of the living ones; `nodes` begins with the head."""
    if options.location is DeploymentMode.NoServer:
        return []
    if options.location is DeploymentMode.HeadOnly:
        return [node.node_id for node in nodes[:1]]
    ids = [node.node_id for node in nodes]
    if options.location is DeploymentMode.FixedNumber and options.fixed_number_replicas is not None:
        seed = options.fixed_number_selection_seed
        # ranking by a seeded hash keeps the choice stable while nodes come and go
        ids.sort(key=lambda node_id: random.Random(f"{seed}:{node_id}").random())
        return ids[: options.fixed_number_replicas]
    return ids


@dataclass
class _Proxy:
    name: str
    actor: Any
    ready: asyncio.Task[tuple[str, int]]
    watch: asyncio.Task[None] | None = None


class Proxies:
    """Keeps one proxy on each chosen node. One event loop."""

    def __init__(self, launcher: Any, instance: InstanceStart) -> None:
        self._launcher = launcher
        self._instance = instance
        self._proxies: dict[str, _Proxy] = {}

    def nodes_changed(self, nodes: Sequence[Node]) -> None:
        """Start proxies on new nodes, forget those on nodes that are gone."""
        chosen = nodes_with_proxy(self._instance.options, nodes)
        for node_id in [known for known in self._proxies if known not in chosen]:
            self._stop(self._proxies.pop(node_id))
        for node_id in chosen:
            if node_id not in self._proxies:
                self._proxies[node_id] = self._start(node_id)

    async def ready(self) -> dict[str, tuple[str, int]]:
        """Wait until every proxy listens; node id -> (host, port).

        Raises:
            OSError: the address is in use or cannot be bound.
            TimeoutError: a proxy was not up within a minute.
        """
        try:
            waiting = {node_id: proxy.ready for node_id, proxy in self._proxies.items()}
            await asyncio.wait_for(asyncio.gather(*map(asyncio.shield, waiting.values())), PROXY_READY_S)
        except asyncio.TimeoutError:
            slow = [proxy.name for proxy in self._proxies.values() if not proxy.ready.done()]
            raise TimeoutError(
                f"HTTP proxies {slow} were not ready after {PROXY_READY_S} s; "
                "see their logs, or use location='NoServer'"
            ) from None
        return {node_id: task.result() for node_id, task in waiting.items()}

    async def stop(self) -> None:
        """Close every proxy's port, then end its process."""
        proxies, self._proxies = list(self._proxies.values()), {}
        closing = [asyncio.wait_for(proxy.actor.stop.remote(), STOP_S) for proxy in proxies]
        await asyncio.gather(*closing, return_exceptions=True)
        for proxy in proxies:
            self._stop(proxy)

    def actors(self) -> dict[str, Any]:
        """proxy name -> its actor."""
        return {proxy.name: proxy.actor for proxy in self._proxies.values()}

    def states(self) -> dict[str, str]:
        """proxy name -> "RUNNING", "STARTING" or the reason it does not run."""
        return {proxy.name: _state(proxy.ready) for proxy in self._proxies.values()}

    def _start(self, node_id: str) -> _Proxy:
        name = f"{PROXY_NAME}-{node_id}-0"
        actor = self._launcher.find(name)
        if actor is None:
            start = ProxyStart(name, node_id, self._instance.name, self._instance.options_blob)
            actor = self._launcher.start_proxy(start, self._instance.options.num_cpus)
        proxy = _Proxy(name, actor, asyncio.ensure_future(_ready(actor)))
        proxy.watch = asyncio.ensure_future(self._keep_alive(node_id, proxy))
        return proxy

    def _stop(self, proxy: _Proxy) -> None:
        proxy.ready.cancel()
        if proxy.watch is not None:
            proxy.watch.cancel()
        self._launcher.kill(proxy.actor)

    async def _keep_alive(self, node_id: str, proxy: _Proxy) -> None:
        """Ray restarts a killed proxy at once; this only notices and, should Ray give up, makes a new one."""
        while self._proxies.get(node_id) is proxy or not proxy.ready.done():
            try:
                await proxy.ready
                await proxy.actor.wait_until_gone.remote()
            except RayActorError as error:
                logger.warning("%s is gone (%s), coming back", proxy.name, type(error).__name__)
                await asyncio.sleep(0.5)
                if self._proxies.get(node_id) is proxy and self._launcher.find(proxy.name) is None:
                    self._proxies[node_id] = self._start(node_id)
                    return
            except (RayError, OSError) as error:
                logger.error("%s cannot serve: %s", proxy.name, error)
                return


async def _ready(actor: Any) -> tuple[str, int]:
    while True:
        try:
            host, port = await actor.ready.remote()
            return host, port
        except RayActorError:  # killed while starting: Ray restarts it
            await asyncio.sleep(0.1)


def _state(ready: asyncio.Task[tuple[str, int]]) -> str:
    if not ready.done():
        return "STARTING"
    if ready.cancelled():
        return "STOPPED"
    error = ready.exception()
    return "RUNNING" if error is None else f"{type(error).__name__}: {error}"
