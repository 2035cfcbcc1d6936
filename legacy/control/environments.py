"""Which nodes have which environment, and the actors that bring it there."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from ray.exceptions import RayError

from legacy.cluster import Node
from legacy.control.instance import STOP_S
from legacy.control.pinning import may_pin, pinned, possible_nodes
from legacy.environments.origin import Origin, Prepared
from legacy.environments.start_link import py_executable
from legacy.environments.wanted import with_wrapper
from legacy.errors import EnvironmentFailedError
from legacy.logs import logger

LOOK_S = 0.5


class Environments:
    """Prepares environments on nodes before replicas start there. One event loop.

    An agent runs on a node from the first environment that is wanted there. It remembers what it has done, so asking
    it again before every replica costs one call.

    Args:
        directory: the instance's private directory on every node.
    """

    def __init__(self, launcher: Any, directory: str) -> None:
        self._launcher = launcher
        self._directory = directory
        self._nodes: list[Node] = []
        self._joined = asyncio.Event()
        self._agents: dict[str, Any] = {}
        self._asked: dict[tuple[str, str], int] = {}
        self._said: dict[tuple[str, str], str] = {}
        self._kept: set[str] = set()
        self._look: asyncio.Task[None] | None = None

    def nodes_changed(self, nodes: Sequence[Node]) -> None:
        """Follow the living nodes; the first one is the head."""
        before = {node.node_id for node in self._nodes}
        self._nodes = list(nodes)
        alive = {node.node_id for node in nodes}
        for gone in set(self._agents) - alive:
            del self._agents[gone]
        for node_id in alive - before:
            actor = self._launcher.find(_name(node_id))  # of an earlier life of the controller
            if actor is not None:
                self._agents[node_id] = actor
        if alive - before:
            self._joined.set()
            self._joined = asyncio.Event()

    async def options_for(self, origin: Origin, actor_options: Mapping[str, Any]) -> tuple[dict[str, Any], set[str]]:
        """Prepare the environment wherever a replica with these options could run, and say how to start one there.

        Returns:
            The actor options, whose replica Ray keeps on the nodes that have the environment; and the ids of all nodes
            that were tried.

        Raises:
            EnvironmentFailedError: no node can have it.
        """
        nodes = possible_nodes(actor_options, self._nodes)
        while not nodes:  # a node that is large enough may join; the replica's own deadline ends this
            await self._joined.wait()
            nodes = possible_nodes(actor_options, self._nodes)
        env_vars = dict((actor_options.get("runtime_env") or {}).get("env_vars") or {})
        said = await asyncio.gather(*(self._prepared(origin, env_vars, node) for node in nodes))
        errors = {node.node_id: each.error for node, each in zip(nodes, said, strict=True) if each.error}
        good = [node.node_id for node in nodes if node.node_id not in errors]
        if not good or (errors and not may_pin(actor_options)):
            raise EnvironmentFailedError("; ".join(dict.fromkeys(errors.values())))
        for node_id, error in errors.items():
            logger.warning("no replicas on node %s: %s", node_id, error)
        path = py_executable(self._directory, origin.key)
        ready = dict(actor_options) if all(each.as_it_is for each in said) else with_wrapper(actor_options, path)
        return pinned(ready, good), {node.node_id for node in nodes}

    async def other_nodes(self, actor_options: Mapping[str, Any], tried: set[str]) -> None:
        """Return when a replica with these options could run on a node that was not tried."""
        while not {node.node_id for node in possible_nodes(actor_options, self._nodes)} - tried:
            await self._joined.wait()

    def progress(self, origin: Origin) -> str:
        """What is being done for an environment now; "" for nothing."""
        said = [
            f"preparing environment {origin.wanted.label} on node {node_id[:8]}: {said}"
            for (key, node_id), said in sorted(self._said.items())
            if key == origin.key
        ]
        return "; ".join(said)

    def upload_agent(self) -> tuple[str, Any]:
        """The node that takes environments from outside the cluster, and its agent."""
        head = self._nodes[0].node_id
        return head, self._agent(head)

    def keep(self, keys: set[str]) -> None:
        """Let every node's cache drop the other environments."""
        if keys != self._kept:
            self._kept = keys
            for agent in self._agents.values():
                agent.keep.remote(keys)

    async def stop(self) -> None:
        """End all agents."""
        agents, self._agents = list(self._agents.values()), {}
        if self._look is not None:
            self._look.cancel()
        stopping = [asyncio.wait_for(agent.stop.remote(), STOP_S) for agent in agents]
        await asyncio.gather(*stopping, return_exceptions=True)
        for agent in agents:
            self._launcher.kill(agent)

    async def _prepared(self, origin: Origin, env_vars: dict[str, str], node: Node) -> Prepared:
        asked = (origin.key, node.node_id)
        self._asked[asked] = self._asked.get(asked, 0) + 1
        if self._look is None or self._look.done():
            self._look = asyncio.ensure_future(self._look_on())
        try:
            source = None if origin.node_id == node.node_id else await self._source(origin)
            prepared: Prepared = await self._agent(node.node_id).prepare.remote(origin, env_vars, source)
            return prepared
        except EnvironmentFailedError as error:
            return Prepared(str(error))
        except RayError as error:
            self._agents.pop(node.node_id, None)
            on_node = f"environment {origin.wanted.label} on node {node.node_id}"
            return Prepared(f"{on_node}: {type(error).__name__}: {error}")
        finally:
            self._asked[asked] -= 1
            if not self._asked[asked]:
                del self._asked[asked]
                self._said.pop(asked, None)

    async def _source(self, origin: Origin) -> Any:
        if any(node.node_id == origin.node_id for node in self._nodes):
            return self._agent(origin.node_id)
        for agent in self._agents.values():
            if await agent.has.remote(origin.key):
                return agent
        raise EnvironmentFailedError(
            f"environment {origin.wanted.label}: node {origin.node_id}, from which it came, is gone, and no other node "
            "has it; deploy again"
        )

    def _agent(self, node_id: str) -> Any:
        agent = self._agents.get(node_id)
        if agent is None:
            agent = self._launcher.find(_name(node_id))
            agent = agent or self._launcher.start_environments(_name(node_id), node_id, self._directory)
            self._agents[node_id] = agent
        return agent

    async def _look_on(self) -> None:
        """Ask the agents how far they are, as long as somebody waits for one."""
        while self._asked:
            await asyncio.sleep(LOOK_S)
            for node_id in {node_id for _, node_id in self._asked}:
                try:
                    said = await self._agents[node_id].progress.remote()
                except (KeyError, RayError):
                    continue
                for key, text in said.items():
                    if (key, node_id) in self._asked:
                        self._said[key, node_id] = text


def _name(node_id: str) -> str:
    return f"SERVE_ENVIRONMENTS-{node_id}"
