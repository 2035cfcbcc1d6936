"""Carrying out a decided change: write it down, act, wait until it is in force, and take it back when it fails."""

from __future__ import annotations

from dataclasses import dataclass, replace

from legacy.control.desired import Desired
from legacy.control.environments import Environments
from legacy.control.publish import Publisher
from legacy.control.reconcile import Reconciler
from legacy.control.registered import BackendRecord, EndpointRecord
from legacy.control.store import Store
from legacy.errors import BackendDeletedError, BackendStartError
from legacy.logs import logger

IN_FORCE_S = 10.0  # how long a command waits for a slow proxy to acknowledge it


@dataclass(frozen=True)
class Changes:
    """The one way from a new record to replicas and routers that follow it."""

    desired: Desired
    store: Store
    publisher: Publisher
    reconciler: Reconciler
    environments: Environments

    def accept(self, record: BackendRecord) -> None:
        """Make a record the wanted one, durably, and begin to act on it."""
        self._keep(record)
        self.reconciler.begin(record.tag)

    async def accept_with_endpoint(self, record: BackendRecord, endpoint: EndpointRecord | None) -> None:
        """Accept a record together with its endpoint: after a crash both are there or neither."""
        self.accept(replace(record, opens=endpoint))
        if endpoint is not None:
            await self.in_force(self.open_endpoint(record.tag))

    def open_endpoint(self, tag: str) -> int:
        """Write and publish the endpoint that an accepted record brought with it; gives its version."""
        record = self.desired.backends[tag]
        if record.opens is None:
            return self.publisher.version
        version = self._put_endpoint(record.opens)
        self._keep(replace(record, opens=None))
        return version

    async def carry_out(self, record: BackendRecord, tries: int = 1) -> int:
        """Wait until the replicas are as an accepted record wants them; gives the version in which routers know.

        Raises:
            BackendStartError: `tries` starts or updates failed in a row; what was registered before is again.
            BackendDeletedError: it was deleted meanwhile.
        """
        try:
            await self.reconciler.settled(record.tag, record.revision, tries)
        except BackendStartError:
            await self._undo(record)
            raise
        now = self.desired.backends.get(record.tag)
        if now is not None and now.revision == record.revision and not now.confirmed:
            self._keep(replace(now, confirmed=True, before=None))
            self._drop_unused_code(record)
        return self.reconciler.publish(record.tag)

    async def finish(self, record: BackendRecord, tries: int = 1) -> None:
        """Carry out a change nobody waits for; a failure ends in the log and the status."""
        try:
            await self.carry_out(record, tries)
        except (BackendStartError, BackendDeletedError) as error:
            logger.error("%s", error)

    async def scale(self, tag: str, replicas: int) -> None:
        """Set the number of replicas that autoscaling chose; the config stays as the user gave it."""
        record = self.desired.backends.get(tag)
        if record is not None and record.replicas != replicas:
            self._keep(replace(record, replicas=replicas))
            self.reconciler.touch(tag)

    async def forget(self, record: BackendRecord, force: bool) -> None:
        """Unregister a backend and wait until its replicas are gone."""
        self.store.remove("backend", record.tag)
        self.desired.backends.pop(record.tag, None)
        self.reconciler.forget(record.tag, force)
        await self.reconciler.gone(record.tag)
        self._drop_unused_code(record)

    async def set_endpoint(self, record: EndpointRecord) -> int:
        """Register an endpoint as decided and wait until every proxy follows."""
        return await self.in_force(self._put_endpoint(record))

    async def drop_deployment(self, record: BackendRecord) -> None:
        """Unregister a backend with the endpoint of its name: unroute first, then stop the replicas."""
        self.store.remove("backend", record.tag)  # recovery drops a deployment's endpoint that has no backend
        self.desired.backends.pop(record.tag, None)
        if record.tag in self.desired.endpoints:
            await self.drop_endpoint(record.tag)
        await self.forget(record, force=False)

    async def drop_endpoint(self, name: str) -> int:
        """Unregister an endpoint and wait until no proxy routes to it."""
        self.store.remove("endpoint", name)
        self.desired.delete_endpoint(name)
        return await self.in_force(self.publisher.put(("endpoint", name), None))

    async def move_route(self, route: str | None, old: str, record: EndpointRecord) -> int:
        """Forget an endpoint and give its route to another; routers hear of both at once: nothing waits in between."""
        self.store.remove("endpoint", old)
        self.desired.delete_endpoint(old)
        self.publisher.put(("endpoint", old), None)
        return await self.set_endpoint(replace(record, endpoint=replace(record.endpoint, route=route)))

    async def in_force(self, version: int) -> int:
        """Wait until every proxy has acknowledged a version."""
        late = await self.publisher.acknowledged(version, IN_FORCE_S, kinds=("proxy",))
        if late:
            logger.warning("%d proxies have not acknowledged version %d after %g s", late, version, IN_FORCE_S)
        return version

    async def _undo(self, record: BackendRecord) -> None:
        now = self.desired.backends.get(record.tag)
        if now is None or now.revision != record.revision:
            return  # a later command has taken over
        if record.before is None:
            await self.forget(record, force=True)
            if record.created_endpoint and record.tag in self.desired.endpoints:
                await self.drop_endpoint(record.tag)
            return
        failures = self.reconciler.fleets()[record.tag].failures
        why = failures[-1] if failures else None
        undone = f"{record.revision}-undone"  # a new stamp: replicas that took the failed config get the old one again
        old = replace(record.before.backend, stamp=undone, revision=undone, confirmed=True)
        await self.accept_with_endpoint(old, record.before.endpoint)
        self.reconciler.took_back(record.tag, why)
        self._drop_unused_code(record)

    def _keep(self, record: BackendRecord) -> None:
        self.store.save("backend", record.tag, record)
        self.desired.restore(record)

    def _put_endpoint(self, record: EndpointRecord) -> int:
        self.store.save("endpoint", record.endpoint.name, record)
        self.desired.restore(record)
        return self.publisher.put(("endpoint", record.endpoint.name), record.endpoint)

    def _drop_unused_code(self, record: BackendRecord) -> None:
        keys = {record.code_key}
        if record.before is not None:
            keys.add(record.before.backend.code_key)
        for key in keys - self.desired.code_keys():
            self.store.remove("code", key)
