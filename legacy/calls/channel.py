"""The channel from this process to one backend: handle calls in flight to its replicas, and how their slots come back.

Every call returns two references: the answer, which belongs to the caller, and a marker that is ready when the call is
over. Only markers are kept here, so answers are never held in memory for our sake. Looking at markers costs time, so
it is done late: `reap` when somebody finds no free slot, `watch` (a callback per marker) only while somebody waits.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from functools import partial
from pickle import PicklingError
from typing import Any, NamedTuple

import ray
from ray.exceptions import ActorUnavailableError, RayActorError, RayTaskError

from legacy.calls.doubts import Doubts
from legacy.records import ReplicaAddress
from legacy.replica.calls import WITH_META, Meta
from legacy.traffic.slots import Slots
from legacy.unpicklable import culprit_among, named_arguments


class Call(NamedTuple):
    """One handle call, the same for its primary and its shadows.

    Attributes:
        actor_method: the replica's method to call, and `meta`, how: see `legacy.replica.calls`.
        shard_key: fixes the choice of the backend; None draws.
    """

    actor_method: str
    meta: Meta
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    shard_key: str | None


class SlotWaiter:
    """Waits for a slot at a replica; the future gives its address."""

    def __init__(self) -> None:
        self.granted: Future[ReplicaAddress] = Future()

    def grant(self, replica: ReplicaAddress) -> bool:
        """Take the slot; False when nobody waits here any more."""
        try:
            self.granted.set_result(replica)
        except InvalidStateError:
            return False
        return True

    def fail(self, error: Exception) -> None:
        """No slot will ever come."""
        if not self.granted.cancelled():
            self.granted.set_exception(error)

    def give_up(self, slots: Slots) -> None:
        """Stop waiting; a slot that was granted in the meantime goes back unused."""
        if self.granted.cancel():
            slots.withdraw(self)
        elif self.granted.exception() is None:
            slots.give_back(self.granted.result().tag)


class Channel:
    """To one backend: its slots, and the calls that took them.

    Args:
        slots: the slots of the backend in this process's router.

    Attributes:
        doubts: the replicas that are left out until they answer.
    """

    def __init__(self, slots: Slots) -> None:
        self.slots = slots
        self.doubts = Doubts(slots.trust)
        self._lock = threading.Lock()
        self._open: dict[Any, tuple[ReplicaAddress, Any]] = {}  # marker -> (replica, the answer nobody will ask for)
        self._watched: set[Any] = set()
        self._methods: dict[tuple[str, str], Callable[..., Any]] = {}

    @property
    def in_flight(self) -> int:
        """Calls that are not known to be over."""
        return len(self._open)

    def take(self) -> ReplicaAddress | None:
        """A free slot, after a look at which calls are over if need be; None when there is none."""
        replica = self.slots.take()
        if replica is None and self._open:
            self.reap()
            replica = self.slots.take()
        return replica

    def send(self, replica: ReplicaAddress, call: Call, silent: bool = False) -> Any:
        """Send a call to the replica whose slot was taken and give the reference to its answer.

        Args:
            silent: nobody will ask for the answer (a shadow), so its error must not be reported as unhandled either.
        """
        method = self._methods.get((replica.tag, call.actor_method)) or self._method(replica, call)
        try:
            if call.actor_method == WITH_META:
                answer, marker = method(call.meta, *call.args, **call.kwargs)
            else:
                answer, marker = method(*call.args, **call.kwargs)
        except BaseException as error:  # whatever kept the call from leaving, its slot must come back
            self.slots.give_back(replica.tag)
            if isinstance(error, (TypeError, PicklingError)):
                raise _not_sent(self.slots.tag, call, error) from error
            raise
        with self._lock:
            self._open[marker] = (replica, answer if silent else None)
        if self.slots.waiting:
            self.watch()
        return answer

    def reap(self) -> None:
        """Give back the slots of all calls that are over. Does not wait."""
        with self._lock:
            markers = list(self._open)
        if not markers:
            return
        over, _ = ray.wait(markers, num_returns=len(markers), timeout=0, fetch_local=False)
        silent = [answer for answer in map(self._close, over) if answer is not None]
        if silent:  # Ray prints errors that nobody looked at; waiting for them counts as looking
            ray.wait(silent, num_returns=len(silent), timeout=0, fetch_local=False)

    def watch(self) -> None:
        """From now on the end of each call in flight gives its slot back at once."""
        with self._lock:
            fresh = [marker for marker in self._open if marker not in self._watched]
            self._watched.update(fresh)
        for marker in fresh:
            marker.future().add_done_callback(partial(self._over, marker))

    def forget_methods(self) -> None:
        """The replicas changed: do not keep the actor handles of those that are gone."""
        self._methods = {}

    def _method(self, replica: ReplicaAddress, call: Call) -> Callable[..., Any]:
        method: Callable[..., Any] = getattr(replica.actor, call.actor_method).options(num_returns=2).remote
        self._methods[replica.tag, call.actor_method] = method
        return method

    def _over(self, marker: Any, future: Future[Any]) -> None:
        error = future.exception()
        # what user code raises is of both kinds when it could not reach an actor of its own
        if isinstance(error, RayActorError) and not isinstance(error, RayTaskError):
            with self._lock:
                replica, _ = self._open.get(marker, (None, None))
            if replica is not None:
                self.slots.suspect(replica.tag)  # before its slots come back: a dead one must not get the next call
                if isinstance(error, ActorUnavailableError):
                    self.doubts.add(replica)
        self._close(marker)

    def _close(self, marker: Any) -> Any:
        with self._lock:
            replica, answer = self._open.pop(marker, (None, None))
            self._watched.discard(marker)
        if replica is not None:
            self.slots.give_back(replica.tag)
        return answer


def _not_sent(tag: str, call: Call, error: Exception) -> Exception:
    """Says which argument cannot be pickled; Ray's text is long and does not say whose call it was."""
    kind = PicklingError if isinstance(error, PicklingError) else TypeError
    told = culprit_among(named_arguments(call.args, call.kwargs), error.__cause__ or error)
    return kind(f"a call to {tag!r} cannot be sent: {told}")
