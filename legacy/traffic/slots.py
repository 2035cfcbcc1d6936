"""How many requests one router has in flight at each replica of one backend, and who waits for a slot.

Rules that hold at every moment, over any sequence of updates:

- A replica never has more than `max_concurrent_queries` requests of this router in flight.
- Slots are handed out in the order of asking: who asks anew does not overtake who waits.
- A slot is handed out once and comes back once, also when its replica or the whole backend is gone by then.

Waiters are called without the lock held, so they may call back into this object.
"""

from __future__ import annotations

import random
import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Protocol

from legacy.errors import BackendDeletedError, QueueFullError
from legacy.records import BackendView, ReplicaAddress


class Waiter(Protocol):
    """Somebody who waits for a slot. Called from any thread, at most once successfully."""

    def grant(self, replica: ReplicaAddress) -> bool:
        """Take the slot; False when the waiter has given up, and the slot goes to the next one."""

    def fail(self, error: Exception) -> None:
        """No slot will ever come."""


class _Replica:
    __slots__ = ("address", "in_flight", "listed", "ready", "suspected")

    def __init__(self, address: ReplicaAddress) -> None:
        self.address = address
        self.in_flight = 0
        self.listed = True  # the newest view names it
        self.suspected = False
        self.ready = False  # whether it is in Slots._ready


class Slots:
    """The slots of one backend in one router.

    Args:
        tag: the backend's, for messages.
        max_waiting: how many waiters may queue.
        rng: shuffles new replicas, so that routers do not all begin with the same one; None keeps the order given.
    """

    def __init__(self, tag: str, max_waiting: int, rng: random.Random | None = None) -> None:
        self.tag = tag
        self._max_waiting = max_waiting
        self._rng = rng
        self._lock = threading.Lock()
        self._limit = 0
        self._over: Callable[[], Exception] | None = None
        self._replicas: dict[str, _Replica] = {}
        # replicas with a free slot; round robin: taken from the left, put back on the right
        self._ready: deque[_Replica] = deque()
        self._waiters: OrderedDict[int, Waiter] = OrderedDict()
        self._in_flight = 0

    # what the routing snapshot says

    def update(self, view: BackendView | None) -> None:
        """Follow a new view of the backend; None means it was deleted, and whoever waits is told so."""
        with self._lock:
            self._over = self._deleted_error if view is None else None
            self._limit = view.max_concurrent_queries if view else 0
            self._list(view.replicas if view else ())
        if view is None:
            self.end(self._deleted_error)
        self._serve_waiters()

    def end(self, error: Callable[[], Exception]) -> None:
        """Nobody gets a slot any more: whoever waits is told an error made by this, and so is who comes later."""
        with self._lock:
            self._over = error
            failed = list(self._waiters.values())
            self._waiters.clear()
        for waiter in failed:
            waiter.fail(error())

    def suspect(self, replica_tag: str) -> None:
        """The router saw the replica dead: do not choose it until an update names it anew, or `trust`."""
        with self._lock:
            replica = self._replicas.get(replica_tag)
            if replica is None:
                return
            replica.suspected = True
            self._drop_from_ready(replica)

    def trust(self, replica_tag: str) -> None:
        """Take a suspicion back: the replica answered after all."""
        with self._lock:
            replica = self._replicas.get(replica_tag)
            if replica is None:
                return
            replica.suspected = False
            self._offer(replica)
        self._serve_waiters()

    # slots

    def take(self) -> ReplicaAddress | None:
        """A slot at the next replica in turn that has one; None when all are full or others wait already."""
        with self._lock:
            if self._waiters:
                return None
            replica = self._reserve()
            return replica.address if replica else None

    def wait(self, waiter: Waiter) -> None:
        """Queue for a slot; `waiter.grant` may be called before this returns.

        Raises:
            QueueFullError: `max_waiting` others wait already.
            BackendDeletedError: there will never be a slot; or with whatever else it was ended.
        """
        with self._lock:
            if self._over is not None:
                raise self._over()
            if len(self._waiters) >= self._max_waiting and (self._waiters or not self._ready):
                raise QueueFullError(
                    f"{len(self._waiters)} requests wait for backend {self.tag!r} already and no more may; try again "
                    "later, or raise num_replicas or max_concurrent_queries"
                )
            self._waiters[id(waiter)] = waiter
        self._serve_waiters()

    def withdraw(self, waiter: Waiter) -> bool:
        """Stop waiting. False when the waiter is not queued any more: it was granted a slot, or failed."""
        with self._lock:
            return self._waiters.pop(id(waiter), None) is not None

    def give_back(self, replica_tag: str) -> None:
        """A request is over: its slot goes to whoever waits longest.

        Args:
            replica_tag: the replica the slot was taken at; it may be gone by now.

        Raises:
            ValueError: no slot is taken at that replica, so a slot was given back twice.
        """
        with self._lock:
            self._release(replica_tag)
            somebody_waits = bool(self._waiters)
        if somebody_waits:
            self._serve_waiters()

    # figures

    @property
    def is_over(self) -> bool:
        """Whether nobody gets a slot here any more."""
        return self._over is not None

    def in_flight(self, replica_tag: str) -> int:
        """Slots taken at one replica."""
        with self._lock:
            replica = self._replicas.get(replica_tag)
            return replica.in_flight if replica else 0

    @property
    def total_in_flight(self) -> int:
        """Slots taken at all replicas, those that are gone included."""
        return self._in_flight

    @property
    def waiting(self) -> int:
        """How many wait for a slot."""
        return len(self._waiters)

    def unfinished(self) -> set[str]:
        """Tags of the replicas that updates removed and where slots are still taken."""
        with self._lock:
            return {tag for tag, replica in self._replicas.items() if not replica.listed}

    # below here: the lock is held, except in _serve_waiters

    def _serve_waiters(self) -> None:
        while True:
            with self._lock:
                replica = self._reserve() if self._waiters else None
                if replica is None:
                    return
                _, waiter = self._waiters.popitem(last=False)
            if not waiter.grant(replica.address):
                with self._lock:
                    self._release(replica.address.tag)

    def _reserve(self) -> _Replica | None:
        if not self._ready:
            return None
        replica = self._ready.popleft()
        replica.ready = False
        replica.in_flight += 1
        self._in_flight += 1
        self._offer(replica)
        return replica

    def _release(self, replica_tag: str) -> None:
        replica = self._replicas.get(replica_tag)
        if replica is None or not replica.in_flight:
            raise ValueError(f"no slot is taken at replica {replica_tag!r} of backend {self.tag!r}; given back twice?")
        replica.in_flight -= 1
        self._in_flight -= 1
        self._offer(replica)
        if not replica.listed and not replica.in_flight:
            del self._replicas[replica_tag]

    def _offer(self, replica: _Replica) -> None:
        usable = replica.listed and not replica.suspected and replica.in_flight < self._limit
        if usable and not replica.ready:
            replica.ready = True
            self._ready.append(replica)

    def _drop_from_ready(self, replica: _Replica) -> None:
        if replica.ready:
            replica.ready = False
            self._ready.remove(replica)

    def _list(self, addresses: tuple[ReplicaAddress, ...]) -> None:
        named = {address.tag: address for address in addresses}
        for tag, replica in list(self._replicas.items()):
            if tag not in named and replica.listed:
                replica.listed = False
                if not replica.in_flight:
                    del self._replicas[tag]
        fresh = []
        for tag, address in named.items():
            replica = self._replicas.get(tag) or _Replica(address)
            if tag not in self._replicas:
                self._replicas[tag] = replica
                fresh.append(replica)
            replica.address = address
            replica.listed = True
            replica.suspected = False
        self._rebuild_ready(fresh)

    def _rebuild_ready(self, fresh: list[_Replica]) -> None:
        if self._rng is not None:
            self._rng.shuffle(fresh)
        in_turn = list(self._ready)  # keep the turn of those that stay
        self._ready.clear()
        for replica in self._replicas.values():
            replica.ready = False
        new = set(map(id, fresh))
        known = [replica for replica in self._replicas.values() if id(replica) not in new]
        for replica in (*in_turn, *fresh, *known):
            self._offer(replica)

    def _deleted_error(self) -> BackendDeletedError:
        return BackendDeletedError(
            f"backend {self.tag!r} was deleted while a request waited for it; send the request again, or point the "
            "endpoint's traffic to another backend"
        )
