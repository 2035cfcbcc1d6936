"""Carrying out a decided change: write it down, act, wait until it is in force, and take it back when it fails."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import partial

from legacy.control.deletes import Delete
from legacy.control.desired import Desired
from legacy.control.environments import Environments
from legacy.control.outcomes import how_it_ended
from legacy.control.publish import Publisher
from legacy.control.reconcile import Reconciler
from legacy.control.registered import BackendRecord, EndpointRecord, undone
from legacy.control.reroutes import Reroute
from legacy.control.store import Store, stored
from legacy.control.turns import Turns
from legacy.errors import BackendDeletedError, BackendStartError, ChangeSupersededError, InstanceError
from legacy.large_code import LargeCode
from legacy.logs import logger

Code = bytes | LargeCode
RETRY_S = 1.0  # until the store is asked again
IN_FORCE_S = 10.0  # how long a command waits for a slow proxy to acknowledge it


@dataclass(frozen=True)
class Changes:
    """The one way from a new record to replicas and routers that follow it."""

    desired: Desired
    store: Store
    publisher: Publisher
    reconciler: Reconciler
    environments: Environments
    turns: Turns = field(default_factory=Turns)
    unattended: set[asyncio.Task[None]] = field(default_factory=set)

    @contextlib.asynccontextmanager
    async def turn(self, tag: str, command: str, next_one: bool = False) -> AsyncIterator[None]:
        """Wait until no other command changes the backend; then what is registered is in force, or there is nothing.

        Args:
            next_one: do not wait for those who wait already.

        Raises:
            ChangeSupersededError, BackendStartError, BackendDeletedError: how the command's change ended before, if it
                was begun before.
        """
        async with self.turns.take(tag, next_one):
            while (known := self.desired.backends.get(tag)) and not known.confirmed and known.revision != command:
                # An earlier life of the controller began it, or one that took its place in this very moment.
                await self.finish(known, known.spec.generation.start_tries)
            self.check_how_it_ended(tag, command)
            yield

    def check_how_it_ended(self, tag: str, command: str) -> None:
        """Raise again how a command's change ended, when Ray runs the command again after a crash.

        Raises:
            ChangeSupersededError, BackendStartError, BackendDeletedError: what its caller has not been told yet.
        """
        error = how_it_ended(self.desired, self.reconciler.fleets().get(tag), tag, command)
        if error is not None:
            raise error

    def accept(self, record: BackendRecord, endpoint: EndpointRecord | None = None, code: Code | None = None) -> int:
        """Make a record and its endpoint the wanted ones, durably, and begin to act on them; gives their version.

        After a crash, and when the store fails, both are there or neither: one write makes them so.

        Args:
            code: what the record's key names, where that is new.
        """
        known = self.desired.backends.get(record.tag)
        if known is None:
            self.reconciler.outdate(record.tag)
        try:
            if code is not None:
                self.store.save_code(code)
            self._keep(replace(record, opens=endpoint))
        except BaseException:  # whatever it was, the record is not there
            self._drop_unused_code(record)
            raise
        self.reconciler.begin(record.tag)
        if known is not None:
            self._drop_unused_code(known)
        return self.open_endpoint(record.tag)

    def open_endpoint(self, tag: str) -> int:
        """Publish the endpoint that an accepted record brought with it, and write it; gives its version."""
        record = self.desired.backends[tag]
        if record.opens is None:
            return self.publisher.version
        self.desired.restore(record.opens)
        version = self.publisher.put(("endpoint", tag), record.opens.endpoint)
        self._write_opened_later(tag)
        return version

    async def carry_out(self, record: BackendRecord, tries: int = 1) -> int:
        """Wait until the replicas are as an accepted change wants them; gives the version in which routers know.

        Raises:
            BackendStartError: `tries` starts or updates failed in a row; what was registered before is again.
            BackendDeletedError: it was deleted meanwhile.
            ChangeSupersededError: another took its place.
        """
        while True:
            try:
                await self.reconciler.settled(record.tag, record.revision, tries)
            except BackendStartError:
                await self._undo(record.tag, record.revision)
                raise
            if stored(lambda: self._confirm(record.tag)):
                return self.reconciler.publish(record.tag)
            await asyncio.sleep(RETRY_S)

    async def finish(self, record: BackendRecord, tries: int = 1) -> None:
        """Carry out a change nobody waits for; a failure ends in the log and the status."""
        try:
            await self.carry_out(record, tries)
        except (BackendStartError, BackendDeletedError, ChangeSupersededError) as error:
            logger.error("%s", error)

    def finish_later(self, record: BackendRecord, turn: contextlib.AsyncExitStack) -> None:
        """Carry out a change nobody waits for; its turn ends with it."""
        task = asyncio.get_running_loop().create_task(self._finish_and_leave(record, turn))
        self.unattended.add(task)
        task.add_done_callback(self.unattended.discard)

    async def recover(self, record: BackendRecord) -> None:
        """Finish what an earlier life of the controller began."""
        async with self.turns.take(record.tag):
            await self.finish(record, record.spec.generation.start_tries)

    async def created(self, tags: Iterable[str]) -> None:
        """Wait until backends that are being created are there; ValueError for one whose creation fails."""
        for tag in tags:
            waits = tag in self.desired.backends
            await self.reconciler.created(tag)
            if waits and tag not in self.desired.backends:
                raise ValueError(
                    f"backend {tag!r} is not registered: it was being created, and that failed; "
                    "whoever creates it is told why. create_backend() it first"
                )

    async def scale(self, tag: str, replicas: int) -> None:
        """Set the number of replicas that autoscaling chose; the config stays as the user gave it."""
        record = self.desired.backends.get(tag)
        if record is not None and record.replicas != replicas:
            self._keep(replace(record, replicas=replicas))
            self.reconciler.touch(tag)

    async def drop_backend(self, command: str, record: BackendRecord, force: bool) -> None:
        """Unregister a backend and wait until its replicas are gone."""
        self._delete(command, record)
        await self._stop(record, force)

    def put_endpoint(self, record: EndpointRecord) -> int:
        """Register an endpoint as decided; gives the version in which it is true."""
        self._write_opened(record.endpoint.name)
        self.store.save("endpoint", record.endpoint.name, record)
        self.desired.restore(record)
        return self.publisher.put(("endpoint", record.endpoint.name), record.endpoint)

    async def drop_deployment(self, command: str, record: BackendRecord) -> None:
        """Unregister a backend with the endpoint of its name: unroute first, then stop the replicas."""
        endpoint = self.desired.endpoints.get(record.tag)
        self._delete(command, record, *(() if endpoint is None else (endpoint,)))
        await self._close_endpoint(record.tag)
        await self._stop(record, force=False)

    async def drop_endpoint(self, command: str, record: EndpointRecord) -> int:
        """Unregister an endpoint and wait until no proxy routes to it."""
        self._write_opened(record.endpoint.name)
        self._delete(command, record)
        return await self.in_force(self._unroute(record.endpoint.name))

    async def set_routes(self, reroute: Reroute) -> int:
        """Give endpoints other routes: one write says so, and routers hear of all at once, as nothing waits between."""
        for name in reroute.routes:
            self._write_opened(name)
        log = self.desired.reroutes.after(reroute, self.store.journal.is_behind)
        self.store.save("routes", "last", log)
        self.desired.reroutes = log
        return await self.in_force(max(map(self._reroute, reroute.routes)))

    async def in_force(self, version: int) -> int:
        """Wait until every proxy has acknowledged a version."""
        late = await self.publisher.acknowledged(version, IN_FORCE_S, kinds=("proxy",))
        if late:
            logger.warning("%d proxies have not acknowledged version %d after %g s", late, version, IN_FORCE_S)
        return version

    async def _undo(self, tag: str, revision: str) -> None:
        failures = self.reconciler.fleets()[tag].blamed(revision)
        while (record := self.desired.backends.get(tag)) and record.revision == revision:  # else another took over
            old = undone(record)
            if old is None and stored(partial(self._unregister, tag, self.store.remove)):
                if record.created_endpoint and tag in self.desired.endpoints_without_backend():
                    await self._close_endpoint(tag)
                await self._stop(record, force=True)
            elif old is not None and stored(partial(self.accept, old, self._endpoint_before(record))):
                self.reconciler.took_back(tag, failures[-1] if failures else None)
                await self.in_force(self.publisher.version)
            else:
                await asyncio.sleep(RETRY_S)

    def _endpoint_before(self, record: BackendRecord) -> EndpointRecord | None:
        before = record.before.endpoint if record.before is not None else None
        now = self.desired.endpoints.get(record.tag)
        if before is None or now is None or now.created_by != before.created_by:
            return None
        # Traffic and shadows are other commands': they may have changed since.
        kept = replace(before.endpoint, traffic=now.endpoint.traffic, shadows=now.endpoint.shadows)
        return None if kept == now.endpoint else replace(now, endpoint=kept)

    def _confirm(self, tag: str) -> None:
        self._write_opened(tag)
        record = self.desired.backends[tag]
        if not record.confirmed:
            self._keep(replace(record, confirmed=True, before=None))
            self._drop_unused_code(record)
            self.reconciler.announce(tag)

    def _write_opened(self, tag: str) -> None:
        """Write the endpoint that a record brought with it on its own, before anything else is written about it."""
        record = self.desired.backends.get(tag)
        if record is None or record.opens is None:
            return
        known = self.desired.endpoints.get(tag)
        if known is not None:
            self.store.save("endpoint", tag, known)
        self._keep(replace(record, opens=None))

    def _write_opened_later(self, tag: str) -> None:
        with contextlib.suppress(InstanceError):
            if not stored(partial(self._write_opened, tag)):
                asyncio.get_running_loop().call_later(RETRY_S, self._write_opened_later, tag)

    async def _close_endpoint(self, tag: str) -> None:
        """Unroute what belonged to a deployment that is not registered any more: recovery would do so, too."""
        if tag in self.desired.endpoints:
            await self.in_force(self._unroute(tag))

    def _unroute(self, name: str) -> int:
        self.store.journal.remove("endpoint", name)
        self.desired.delete_endpoint(name)
        return self.publisher.put(("endpoint", name), None)

    def _reroute(self, name: str) -> int:
        """Let an endpoint follow the last change of routes; gives the version in which it is true."""
        known = {"backend": self.desired.backends.get(name), "endpoint": self.desired.endpoints[name]}
        for kind, record in known.items():
            if record is not None:
                followed = self.desired.reroutes.followed(record)
                self.store.journal.save(kind, name, followed)
                self.desired.restore(followed)
        return self.publisher.put(("endpoint", name), self.desired.endpoints[name].endpoint)

    def _delete(self, command: str, *records: BackendRecord | EndpointRecord) -> None:
        """Delete records for a command, durably: one write says that they are gone, and who did it."""
        delete = Delete(command, tuple(record.as_deleted() for record in records))
        log = self.desired.log.after(delete, self.store.journal.is_behind)
        self.store.save("deletes", "last", log)
        self.desired.log = log
        for record in records:
            if isinstance(record, BackendRecord):
                self._unregister(record.tag, self.store.journal.remove)

    def _unregister(self, tag: str, remove: Callable[[str, str], None]) -> None:
        remove("backend", tag)
        self.desired.backends.pop(tag, None)
        self.reconciler.announce(tag)

    async def _stop(self, record: BackendRecord, force: bool) -> None:
        if record.tag not in self.desired.backends:  # else it was registered again meanwhile
            self.reconciler.forget(record.tag, force)
            await self.reconciler.gone(record.tag)
        self._drop_unused_code(record)

    def _keep(self, record: BackendRecord) -> None:
        self.store.save("backend", record.tag, record)
        self.desired.restore(record)

    async def _finish_and_leave(self, record: BackendRecord, turn: contextlib.AsyncExitStack) -> None:
        async with turn:
            await self.finish(record, record.spec.generation.start_tries)

    def _drop_unused_code(self, record: BackendRecord) -> None:
        keys = {record.code_key}
        if record.before is not None:
            keys.add(record.before.backend.code_key)
        for key in keys - self.desired.code_keys():
            self.store.journal.remove("code", key)
