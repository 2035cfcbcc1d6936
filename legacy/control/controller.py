"""The controller actor: the only writer of an instance's state.

A command is: validate and change what is wanted, write it to the checkpoint, act, publish, wait until it is in force.
- A command that returned survives any crash.
- A command that raised changed nothing.
- Ray runs a command again when the controller died before it answered; its id makes that harmless.
The controller never sees a request.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from legacy import cluster
from legacy.config import BackendConfig, HTTPOptions
from legacy.control.caretaker import Tools
from legacy.control.desired import BackendRecord, Desired
from legacy.control.instance import InstanceStart
from legacy.control.launcher import RayLauncher
from legacy.control.proxies import Proxies
from legacy.control.publish import Publisher
from legacy.control.reconcile import Reconciler
from legacy.control.report import status_report
from legacy.control.room import check_room
from legacy.control.store import GcsKeyValue, Store
from legacy.errors import BackendDeletedError, BackendStartError
from legacy.records import BackendSpec, Endpoint, Poll, Update

logger = logging.getLogger("ray.serve")

POLL_S = 30.0  # a long poll without news ends after this
IN_FORCE_S = 10.0  # how long a command waits for a slow proxy to acknowledge it
NODES_S = 1.0


class ServeController:
    """Backends, endpoints, traffic and replicas of one serve instance."""

    def __init__(self, start: InstanceStart) -> None:
        self._start = start
        self._store = Store(start.namespace, start.controller_name, GcsKeyValue())
        self._desired = Desired()
        self._publisher = Publisher(epoch=secrets.token_hex(4), secret=start.secret)
        launcher = RayLauncher(start.controller_name, start.namespace)
        self._reconciler = Reconciler(
            self._desired,
            start,
            lambda touch: Tools(self._store, self._publisher, launcher, start.start_timeout_s, touch),
        )
        self._proxies = Proxies(launcher, start.options, start.options_blob, start.controller_name, start.namespace)
        self._background: list[asyncio.Task[None]] = []
        self._recovered = asyncio.get_running_loop().create_task(self._recover())

    # -- commands -------------------------------------------------------------------------------------------------

    async def create_backend(self, command: str, spec: BackendSpec) -> int:
        """Register a backend and wait until all its replicas run.

        Raises:
            ValueError: the tag is taken.
            ResourcesError: no room, for doors that do not wait for resources.
            BackendStartError: a replica failed; nothing stays registered.
        """
        await self._recovered
        known = self._desired.backends.get(spec.tag)
        if known is None and not spec.wait_for_resources:
            await check_room(spec.tag, spec.actor_options, spec.config.num_replicas)
        fresh = spec.tag not in self._desired.backends
        record = self._desired.create_backend(command, spec, self._store.save_code(spec.code))
        if fresh:
            self._store.save("backend", spec.tag, record)
            self._reconciler.begin(spec.tag)
        await self._first_start(record)
        return await self._in_force(self._reconciler.publish(spec.tag))

    async def update_backend(self, command: str, tag: str, changes: Mapping[str, Any] | BackendConfig) -> int:
        """Merge changes into a backend's config and wait until its replicas follow.

        Raises:
            ValueError: unknown tag or bad value.
            BackendStartError: a replica refused it; the old config is in force again.
        """
        await self._recovered
        before = self._desired.backend(tag)
        if before.revision != command:
            await self._check_growth(before, changes)
            before = self._desired.backend(tag)
        record = self._desired.update_backend(command, tag, changes)
        self._store.save("backend", tag, record)
        self._reconciler.begin(tag)
        try:
            await self._reconciler.settled(tag, command)
        except BackendStartError:
            if self._desired.backends.get(tag) == record and before.revision != command:
                self._roll_back(before, command)
            raise
        return await self._in_force(self._reconciler.publish(tag))

    async def delete_backend(self, command: str, tag: str, force: bool = False, check_use: bool = True) -> int:
        """Unregister a backend and wait until its replicas have finished their requests and are gone.

        Raises:
            ValueError: an endpoint still uses it.
        """
        await self._recovered
        record = self._desired.delete_backend(tag, check_use)
        if record is not None:
            await self._forget_backend(record, force)
        return self._publisher.version

    async def create_endpoint(self, command: str, endpoint: Endpoint) -> int:
        """Register an endpoint and wait until every proxy routes to it.

        Raises:
            ValueError: unknown backend, or the name or route is taken.
        """
        await self._recovered
        record = self._desired.create_endpoint(command, endpoint)
        return await self._publish_endpoint(record.endpoint.name)

    async def delete_endpoint(self, command: str, name: str) -> int:
        """Unregister an endpoint and wait until no proxy routes to it; an unknown name is fine."""
        await self._recovered
        if self._desired.delete_endpoint(name) is None:
            return self._publisher.version
        self._store.remove("endpoint", name)
        return await self._in_force(self._publisher.put(("endpoint", name), None))

    async def set_traffic(self, command: str, name: str, weights: Mapping[str, float]) -> int:
        """Replace an endpoint's split, drop its shadows, and wait until every proxy follows.

        Raises:
            ValueError: unknown endpoint or backend, a negative weight, a sum that is not 1.
        """
        await self._recovered
        self._desired.set_traffic(name, weights)
        return await self._publish_endpoint(name)

    async def shadow_traffic(self, command: str, name: str, tag: str, proportion: float) -> int:
        """Copy a share of an endpoint's requests to a backend.

        Raises:
            TypeError: the proportion is no number in [0, 1].
            ValueError: unknown endpoint or backend.
        """
        await self._recovered
        self._desired.shadow_traffic(name, tag, proportion)
        return await self._publish_endpoint(name)

    # -- questions ------------------------------------------------------------------------------------------------

    async def list_backends(self) -> dict[str, BackendConfig]:
        """tag -> config, of all registered backends."""
        await self._recovered
        return {tag: record.config for tag, record in self._desired.backends.items()}

    async def list_endpoints(self) -> dict[str, Endpoint]:
        """name -> endpoint, of all registered endpoints."""
        await self._recovered
        return {name: record.endpoint for name, record in self._desired.endpoints.items()}

    async def http_options(self) -> HTTPOptions:
        """The HTTPOptions the instance was started with, without middlewares."""
        return self._start.options

    async def ready(self) -> dict[str, tuple[str, int]]:
        """Wait until every HTTP proxy listens; node id -> (host, port).

        Raises:
            OSError: the address cannot be bound.
            TimeoutError: a proxy was not up within a minute.
        """
        await self._recovered
        return await self._proxies.ready()

    async def status(self) -> dict[str, Any]:
        """Endpoints, backends with their replicas and last errors, proxies and routers, as plain values."""
        await self._recovered
        return status_report(self._desired, self._reconciler.fleets(), self._proxies.states(), self._publisher)

    async def watch(self, poll: Poll) -> Update:
        """A router's long poll; it acknowledges what the router has in force."""
        return await self._publisher.watch(poll, POLL_S)

    async def shutdown(self) -> None:
        """Stop every proxy and replica and forget everything; the caller then kills this actor."""
        await self._recovered
        for task in self._background:
            task.cancel()
        self._store.clear()
        await self._proxies.stop()
        await self._reconciler.stop_all()
        self._store.clear()

    # -- inside ---------------------------------------------------------------------------------------------------

    async def _recover(self) -> None:
        for record in self._store.load_all("backend") + self._store.load_all("endpoint"):
            self._desired.restore(record)
        for replica in self._store.load_all("replica"):
            self._reconciler.adopt(replica)
        for tag, record in self._desired.backends.items():
            self._reconciler.publish(tag)
            if not record.confirmed:
                self._background.append(asyncio.ensure_future(self._finish_start(record)))
        for tag in list(self._reconciler.fleets()):
            self._reconciler.touch(tag)
        for name, registered in self._desired.endpoints.items():
            self._publisher.put(("endpoint", name), registered.endpoint)
        self._publisher.open()
        self._follow_nodes()
        loop = asyncio.get_running_loop()
        self._background.append(loop.create_task(self._reconciler.run()))
        self._background.append(loop.create_task(self._watch_cluster()))

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
        self._reconciler.nodes_changed(len(nodes) > 1)
        self._proxies.nodes_changed(nodes)

    async def _publish_endpoint(self, name: str) -> int:
        record = self._desired.endpoint(name)
        self._store.save("endpoint", name, record)
        return await self._in_force(self._publisher.put(("endpoint", name), record.endpoint))

    async def _in_force(self, version: int) -> int:
        late = await self._publisher.acknowledged(version, IN_FORCE_S, kinds=("proxy",))
        if late:
            logger.warning("%d proxies have not acknowledged version %d after %g s", late, version, IN_FORCE_S)
        return version

    async def _first_start(self, record: BackendRecord) -> None:
        """Wait for a new backend's replicas; forget the backend when they fail."""
        try:
            await self._reconciler.settled(record.tag, record.revision)
        except BackendStartError:
            if self._desired.backends.get(record.tag) == record:
                await self._forget_backend(record, force=True)
            raise
        now = self._desired.backends.get(record.tag)
        if now is not None and now.created_by == record.created_by and not now.confirmed:
            self._desired.restore(replace(now, confirmed=True))
            self._store.save("backend", record.tag, self._desired.backends[record.tag])

    async def _finish_start(self, record: BackendRecord) -> None:
        """What a client that is gone can no longer wait for."""
        try:
            await self._first_start(record)
        except (BackendStartError, BackendDeletedError) as error:
            logger.error("backend %s, registered before the controller restarted, was dropped: %s", record.tag, error)

    def _roll_back(self, before: BackendRecord, command: str) -> None:
        restored = replace(before, stamp=f"{command}-undone", revision=f"{command}-undone")
        self._desired.restore(restored)
        self._store.save("backend", before.tag, restored)
        self._reconciler.begin(before.tag)

    async def _forget_backend(self, record: BackendRecord, force: bool) -> None:
        self._desired.backends.pop(record.tag, None)
        self._store.remove("backend", record.tag)
        self._reconciler.forget(record.tag, force)
        await self._reconciler.gone(record.tag)
        if all(other.code_key != record.code_key for other in self._desired.backends.values()):
            self._store.remove("code", record.code_key)

    async def _check_growth(self, record: BackendRecord, changes: Mapping[str, Any] | BackendConfig) -> None:
        wanted = record.config.updated(changes if isinstance(changes, BackendConfig) else dict(changes)).num_replicas
        if not record.waits_for_resources and wanted > record.config.num_replicas:
            await check_room(record.tag, record.actor_options, wanted - record.config.num_replicas)
