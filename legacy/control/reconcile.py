"""The replica manager: makes what runs equal to what is wanted, one touched backend at a time.

touch(tag) -> plan (pure) -> supervisor (start, update, drain) -> touch(tag) ... until the plan has nothing left to do.
Work is proportional to the backends that changed, never to those registered.
"""

from __future__ import annotations

import asyncio
import itertools
import secrets
import string
from dataclasses import replace

from legacy.config import BackendConfig
from legacy.control import plan as planning
from legacy.control.desired import Desired
from legacy.control.fleet import Fleet, Live, ReplicaRecord
from legacy.control.instance import STOP_S, InstanceStart
from legacy.control.outcomes import start_error, superseded
from legacy.control.plan import Seen, State, Wanted
from legacy.control.registered import BackendRecord
from legacy.control.supervisor import Supervisor
from legacy.control.tools import Tools
from legacy.errors import BackendDeletedError
from legacy.logs import logger
from legacy.records import ReplicaStart, StartFailure


class Reconciler:
    """Owns the fleets. One event loop."""

    def __init__(self, desired: Desired, start: InstanceStart, tools: Tools) -> None:
        self._desired = desired
        self._instance = start
        self._tools = tools
        self._fleets: dict[str, Fleet] = {}
        self._supervisors: dict[str, Supervisor] = {}
        self._dirty: dict[str, None] = {}
        self._wake = asyncio.Event()
        self._order = itertools.count()
        self.several_nodes = False

    def touch(self, tag: str) -> None:
        """Look at a backend again soon."""
        self._dirty[tag] = None
        self._wake.set()

    async def run(self) -> None:
        """Plan and act for ever."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            self.step()

    def step(self) -> int:
        """Plan every touched backend once and act; gives how many there were."""
        dirty, self._dirty = self._dirty, {}
        for tag in dirty:
            try:
                self._reconcile(tag)
            except Exception:  # one backend's trouble must not stop the others'
                logger.exception("backend %r could not be reconciled; trying again in 1 s", tag)
                asyncio.get_running_loop().call_later(1.0, self.touch, tag)
        return len(dirty)

    def adopt(self, record: ReplicaRecord) -> None:
        """Take over a replica from an earlier life of the controller; one that is gone is forgotten."""
        actor = self._tools.launcher.find(record.tag)
        if actor is None:
            self._tools.store.remove("replica", record.tag)
            return
        state = State.RUNNING if record.address is not None else State.STARTING
        state = State.DRAINING if record.draining else state
        self._order = itertools.count(max(next(self._order), record.order + 1))
        seen = Seen(record.tag, record.version, record.stamp, state, record.order)
        wanted = self._desired.backends.get(record.backend)
        fleet = self._fleet(record.backend, wanted)
        fleet.deleted = wanted is None
        self._supervisors[record.backend].adopt(Live(seen, record.backend, record.revision, actor, record.address))

    def forget(self, tag: str, force: bool) -> None:
        """A backend was deleted: stop its replicas, at once with `force`."""
        fleet = self._fleets.get(tag)
        if fleet is not None:
            fleet.deleted = True
            fleet.force = force
        self.touch(tag)

    def outdate(self, tag: str) -> None:
        """What still runs under a tag that is not registered belongs to a deleted backend, whatever its version."""
        fleet = self._fleets.get(tag)
        for live in fleet.replicas.values() if fleet is not None else ():
            live.seen.version = f"{live.seen.version} of a deleted backend"
            self._tools.store.journal.save("replica", live.seen.tag, live.record())

    def begin(self, tag: str) -> None:
        """A command changed a backend: earlier failures no longer hold it back."""
        fleet = self._fleet(tag, self._desired.backends[tag])
        fleet.succeeded()
        fleet.fell_sick.clear()
        fleet.force = fleet.has_room = False
        fleet.taken_back = None
        self.touch(tag)

    def took_back(self, tag: str, failure: StartFailure | None) -> None:
        """Remember for the status why a command's change was undone."""
        self._fleet(tag, self._desired.backends[tag]).taken_back = failure

    async def settled(self, tag: str, revision: str, tries: int = 1) -> None:
        """Wait until the backend is as that command wanted it.

        Raises:
            BackendStartError: its replicas failed to start or update `tries` times in a row.
            BackendHealthError: they did so because their health checks fail.
            BackendEnvironmentError: their environment cannot be used.
            BackendDeletedError: it was deleted meanwhile.
            ChangeSupersededError: another command's change took its place.
        """
        while True:
            record = self._desired.backends.get(tag)
            if record is None:
                raise BackendDeletedError(f"backend {tag!r} was deleted while its replicas were starting")
            fleet = self._fleet(tag, record)
            if record.revision != revision:
                raise superseded(tag)
            if self._is_settled(record, fleet):
                return
            failures = fleet.blamed(revision)
            # With an environment that cannot be used, trying again right away would end the same.
            if failures and (len(failures) >= tries or failures[-1].kind == "environment"):
                raise start_error(tag, failures[-1])
            await fleet.changed.wait()

    async def created(self, tag: str) -> None:
        """Wait until a backend that is being created is there, or is not any more."""
        while (record := self._desired.backends.get(tag)) is not None and record.is_being_created:
            await self._fleet(tag, record).changed.wait()

    def announce(self, tag: str) -> None:
        """Wake everybody who waits for a backend: its record says something new."""
        if tag in self._fleets:
            self._fleets[tag].announce()

    async def gone(self, tag: str) -> None:
        """Wait until a deleted backend has no replica left; ends too when the tag is registered again."""
        while (fleet := self._fleets.get(tag)) is not None and tag not in self._desired.backends:
            await fleet.changed.wait()

    async def stop_all(self) -> None:
        """Stop every replica now: sockets closed first, then the process."""
        every = [live for fleet in self._fleets.values() for live in fleet.replicas.values()]
        for live in every:
            for task in live.tasks:
                task.cancel()  # one that has not made its actor yet must not do so afterwards
        living = [live for live in every if live.actor is not None]
        closing = [asyncio.wait_for(live.actor.stop.remote(), STOP_S) for live in living]
        await asyncio.gather(*closing, return_exceptions=True)
        for live in living:
            self._tools.launcher.kill(live.actor)

    def publish(self, tag: str) -> int:
        """Tell the routers about a backend now; gives the version in which it is true."""
        self._fleet(tag, self._desired.backends[tag])
        return self._supervisors[tag].publish()

    def fleets(self) -> dict[str, Fleet]:
        """All fleets by backend tag."""
        return self._fleets

    def nodes_changed(self, several: bool) -> None:
        """The cluster has one node or more: replicas open TCP ports once there are several."""
        if several and not self.several_nodes:
            for tag in self._fleets:
                self.touch(tag)
        self.several_nodes = several

    def _reconcile(self, tag: str) -> None:
        record = self._desired.backends.get(tag)
        if record is None and tag not in self._fleets:
            return
        fleet = self._fleet(tag, record)
        supervisor = self._supervisors[tag]
        now = asyncio.get_running_loop().time()
        actions = planning.plan(_wanted(record, fleet, now), [live.seen for live in fleet.replicas.values()])
        for gone in actions.cancel:
            supervisor.cancel(gone)
        for gone in actions.drain:
            supervisor.drain(gone)
        if record is not None:
            for behind in actions.update:
                supervisor.update(behind, record)
            for _ in range(actions.start):
                self._start(record, supervisor)
            if fleet.retry_at > now:
                asyncio.get_running_loop().call_later(fleet.retry_at - now + 0.01, self.touch, tag)
        if self.several_nodes:
            supervisor.open_tcp_ports()
        supervisor.publish()
        if record is None and not fleet.replicas:
            del self._fleets[tag], self._supervisors[tag]
        fleet.announce()

    def _start(self, record: BackendRecord, supervisor: Supervisor) -> None:
        letters = "".join(secrets.choice(string.ascii_letters) for _ in range(6))  # the originals' form
        tag = f"{record.tag}#{letters}"
        begin = ReplicaStart(
            tag=tag,
            spec=replace(record.spec, code=self._tools.store.load_code(record.code_key)),
            instance=self._instance.name,
            secret=self._instance.secret,
            socket_dir=self._instance.socket_dir,
            listen_tcp=self.several_nodes,
            options=self._instance.options,
        )
        seen = Seen(tag, record.version, record.stamp, State.STARTING, next(self._order))
        supervisor.start(Live(seen, record.tag, record.revision), begin)

    def _fleet(self, tag: str, record: BackendRecord | None) -> Fleet:
        fleet = self._fleets.get(tag)
        if fleet is None:
            fleet = self._fleets[tag] = Fleet(tag, record.config if record else BackendConfig())
            self._supervisors[tag] = Supervisor(fleet, self._tools, self.touch)
        if record is not None:
            fleet.config = record.config
            fleet.actor_options = record.spec.actor_options
            fleet.deleted = False
        return fleet

    def _is_settled(self, record: BackendRecord, fleet: Fleet) -> bool:
        if record.tag in self._dirty:
            return False  # touched and not planned yet
        wanted = _wanted(record, fleet, 0.0)
        return planning.is_settled(wanted, [live.seen for live in fleet.replicas.values()]) if wanted else False


def _wanted(record: BackendRecord | None, fleet: Fleet, now: float) -> Wanted | None:
    if record is None:
        return None
    surge = 1 if record.replicas == 1 and (record.surge or fleet.has_room) else 0
    return Wanted(record.replicas, record.version, record.stamp, now >= fleet.retry_at, surge)
