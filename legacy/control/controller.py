"""The controller actor: the only writer of an instance's state.

A command is: validate and change what is wanted, write it to the checkpoint, act, publish, wait until it is in force.
- A command that returned survives any crash.
- A command that raised changed nothing.
- Ray runs a command again when the controller died before it answered; its id makes that harmless.
The controller never sees a request.
"""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

from legacy import cluster, settings
from legacy.code_files import CodeFiles
from legacy.control.autoscaler import Autoscaler
from legacy.control.changes import Changes
from legacy.control.deletes import DeleteLog
from legacy.control.deployment_commands import DeploymentCommands
from legacy.control.desired import Desired
from legacy.control.environments import Environments
from legacy.control.instance import InstanceStart
from legacy.control.large_codes import LargeCodes
from legacy.control.launcher import RayLauncher
from legacy.control.proxies import Proxies
from legacy.control.publish import Publisher, RouterRecord
from legacy.control.reconcile import Reconciler
from legacy.control.report import status_report
from legacy.control.reroutes import RerouteLog
from legacy.control.stat import ask_all, stat_items
from legacy.control.store import GcsKeyValue, Store
from legacy.control.tools import Tools
from legacy.http_options import HTTPOptions
from legacy.logs import guard_libraries, logger
from legacy.records import InstanceName, Poll, Update

POLL_S = 30.0  # a long poll without news ends after this
NODES_S = 1.0
LOOK_S = 1.0  # how long `status` waits for what replicas counted; a stuck one must not hide the others
STAT_S = 5.0
END_S = 2.0  # after a shutdown, for the answer to reach whoever asked for it


class ServeController(DeploymentCommands):
    """Backends, endpoints, traffic and replicas of one serve instance."""

    def __init__(self, start: InstanceStart) -> None:
        guard_libraries()
        self._start = start
        files = CodeFiles(start.socket_dir, settings.load().raylet_pid)
        self._store = Store(start.name, GcsKeyValue(), LargeCodes(files))
        self._desired = Desired()
        self._publisher = Publisher(secrets.token_hex(4), start.secret, self._remember_router)
        launcher = RayLauncher(start.name)
        self._environments = Environments(launcher, start.socket_dir)
        tools = Tools(self._store, self._publisher, launcher, self._environments, start.start_timeout_s)
        self._reconciler = Reconciler(self._desired, start, tools)
        self._changes = Changes(self._desired, self._store, self._publisher, self._reconciler, self._environments)
        self._autoscaler = Autoscaler(self._changes)
        self._proxies = Proxies(launcher, start)
        self._stopping = False
        self._background: list[asyncio.Task[None]] = []
        self._recovered = asyncio.get_running_loop().create_task(self._recover())

    async def serve_compat_instance(self) -> InstanceName:
        """Which instance this is. That it has this method tells our controller from others: legacy.controllers."""
        return self._start.name

    async def http_options(self) -> HTTPOptions:
        """The HTTPOptions the instance was started with, without middlewares."""
        options = self._start.options
        return options.model_copy(update={"root_url": options.root_url or settings.load().root_url})

    async def ready(self) -> dict[str, tuple[str, int]]:
        """Wait until every HTTP proxy listens, as `Proxies.ready`; node id -> (host, port)."""
        await self._recovered
        addresses = await self._proxies.ready()
        self._store.announce(cluster.this_actor())
        return addresses

    async def status(self) -> dict[str, Any]:
        """Endpoints, backends with their replicas and last errors, proxies and routers, as plain values."""
        await self._recovered
        _, counts = await self._counted(LOOK_S)
        errors = {name: error for name, (_, _, error) in counts.items()}
        fleets, proxies = self._reconciler.fleets(), self._proxies.states()
        return status_report(self._desired, fleets, proxies, self._publisher, errors, self._environments.progress)

    async def stat(self) -> list[dict[str, Any]]:
        """What proxies and replicas counted, for `serve.stat()` of Ray 0.8."""
        await self._recovered
        backends, counts = await self._counted(STAT_S)
        replicas = {name: (backends[name], requests, errors) for name, (requests, errors, _) in counts.items()}
        proxies = {name: actor.counters.remote() for name, actor in self._proxies.actors().items()}
        return stat_items((await ask_all(proxies, STAT_S)).values(), replicas)

    async def preparing(self, tag: str) -> tuple[str, str]:
        """What is being done for conda environments now, and what replicas of a backend wait for; "" for nothing."""
        fleet = self._reconciler.fleets().get(tag)
        specs = (record.spec for record in self._desired.backends.values())
        doing = (self._environments.progress(spec.environment) for spec in specs if spec.environment)
        return "; ".join(dict.fromkeys(filter(None, doing))), fleet.waits_for if fleet is not None else ""

    async def upload_agent(self) -> tuple[str, Any]:
        """The node that takes conda environments from programs outside the cluster, and its agent."""
        await self._recovered
        return self._environments.upload_agent()

    async def watch(self, poll: Poll) -> Update:
        """A router's long poll; it acknowledges what the router has in force."""
        return await self._publisher.watch(poll, self._autoscaler.poll_patience(POLL_S))

    async def leave(self, router_id: str) -> None:
        """A router ends for good, so that nobody waits for its acknowledgements."""
        self._publisher.leave(router_id)

    async def shutdown(self) -> None:
        """Stop every proxy and replica and forget everything; the caller then kills this actor, or it ends itself."""
        await self._recovered
        self._stopping = True
        self._store.close()
        for task in self._background:
            task.cancel()
        # Should this process die now, its next life finds nothing wanted, and the replicas that it still has to stop.
        self._store.clear("endpoint")
        self._store.clear("backend")
        await self._proxies.stop()
        await self._reconciler.stop_all()
        await self._environments.stop()
        self._store.journal.close()
        self._store.clear()
        asyncio.get_running_loop().call_later(END_S, cluster.exit_this_actor)  # the caller may have died meanwhile

    async def _counted(self, patience_s: float) -> tuple[dict[str, str], dict[str, tuple[int, int, str]]]:
        """Of the replicas that run: replica -> backend, and replica -> what it counted if it answers in time."""
        running = {
            live.seen.tag: (tag, live.address.actor)
            for tag, fleet in self._reconciler.fleets().items()
            for live in fleet.replicas.values()
            if live.address is not None
        }
        calls = {name: actor.counts.remote() for name, (_, actor) in running.items()}
        return {name: tag for name, (tag, _) in running.items()}, await ask_all(calls, patience_s)

    async def _recover(self) -> None:
        kinds = ("backend", "endpoint", "replica", "router")
        records = {kind: self._store.load_all(kind) for kind in kinds}  # all are read before anything is touched
        log = self._store.load("deletes", "last") or DeleteLog()
        reroutes = self._store.load("routes", "last") or RerouteLog()
        for gone in self._desired.recover(log, reroutes, records["backend"] + records["endpoint"]):
            self._store.remove(gone.kind, gone.name)
        for name, endpoint in self._desired.endpoints.items():
            if endpoint not in records["endpoint"]:  # a change of routes was cut short
                self._store.journal.save("endpoint", name, endpoint)
        self._store.keep_code(self._desired.code_keys())
        for replica in records["replica"]:
            self._reconciler.adopt(replica)
        for name in self._desired.endpoints_without_backend():  # a delete of the deployment was cut short
            self._store.remove("endpoint", name)
            self._desired.delete_endpoint(name)
        for tag, record in list(self._desired.backends.items()):
            self._reconciler.publish(tag)
            self._changes.open_endpoint(tag)
            if not record.confirmed:
                self._background.append(asyncio.ensure_future(self._changes.recover(record)))
        for tag in list(self._reconciler.fleets()):
            self._reconciler.touch(tag)
        for name, registered in self._desired.endpoints.items():
            self._publisher.put(("endpoint", name), registered.endpoint)
        self._publisher.open(records["router"])
        self._follow_nodes()
        loop = asyncio.get_running_loop()
        self._background.append(loop.create_task(self._reconciler.run()))
        self._background.append(loop.create_task(self._watch_cluster()))
        self._background.append(loop.create_task(self._autoscaler.run()))

    def _remember_router(self, router_id: str, record: RouterRecord | None) -> None:
        if record is None:
            self._store.journal.remove("router", router_id)
        elif not self._stopping:
            self._store.journal.save("router", router_id, record)

    async def _watch_cluster(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(NODES_S)
            try:
                owner = self._start.owner_job
                if owner is not None and await loop.run_in_executor(None, cluster.job_is_over, owner):
                    logger.info("the driver of this instance is gone: shutting down")
                    loop.create_task(self._end())  # noqa: RUF006 - it ends this process
                    return
                self._follow_nodes()
            except Exception:  # the GCS may be away for a while; look again in a second
                logger.exception("the cluster's nodes and jobs could not be read; trying again")

    async def _end(self) -> None:
        await self.shutdown()
        cluster.exit_this_actor()

    def _follow_nodes(self) -> None:
        nodes = cluster.living_nodes()
        self._environments.nodes_changed(nodes)
        self._environments.keep(self._desired.environment_keys())
        self._reconciler.nodes_changed(len(nodes) > 1)
        self._proxies.nodes_changed(nodes)
