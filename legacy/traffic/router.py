"""What one process knows about routing: the newest snapshot, and its own requests in flight.

A snapshot is applied so that no moment shows an endpoint whose backends are missing: new backends first, then
endpoints, then backends that are gone.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable

from legacy.errors import NoBackendError
from legacy.records import BackendView, Endpoint, Update
from legacy.traffic.routes import RouteTable
from legacy.traffic.slots import Slots
from legacy.traffic.split import Split


class Router:
    """Follows the controller's updates. `apply` is called by one thread, everything else by any.

    Args:
        max_waiting: how many requests may wait for a slot per backend.
        rng: for the order of replicas; None makes one.

    Attributes:
        endpoints: name -> Endpoint. Replaced by a full update: look it up anew each time, as `routes`.
        routes: the same endpoints by path.
        epoch, version: of the newest update applied; "" and 0 before the first.
        secret: proves to a replica's TCP port that we are a router of its instance.
    """

    def __init__(self, max_waiting: int, rng: random.Random | None = None) -> None:
        self.endpoints: dict[str, Endpoint] = {}
        self.routes = RouteTable()
        self.epoch = ""
        self.version = 0
        self.secret = ""
        self._max_waiting = max_waiting
        self._rng = rng or random.Random()
        self._lock = threading.Lock()
        self._splits: dict[str, tuple[Endpoint, Split]] = {}
        self._slots: dict[str, Slots] = {}
        self._known: set[str] = set()  # backends the snapshot names
        self._retired: list[Slots] = []  # of deleted backends, until their requests are over
        self._ended: Callable[[], Exception] | None = None

    def apply(self, update: Update) -> None:
        """Put an update in force. A delta that is older than what is in force changes nothing.

        Raises:
            ValueError: a delta of another epoch, which says nothing about what we have.
        """
        if not update.full:
            if update.epoch != self.epoch:
                raise ValueError(f"a delta of epoch {update.epoch!r} cannot be applied to epoch {self.epoch!r}")
            if update.version <= self.version:
                return
        self._update_backends({tag: view for tag, view in update.backends.items() if view is not None})
        if update.full:
            self._replace_endpoints(update)
            gone = (self._known | self._unnamed()) - update.backends.keys()
        else:
            self._change_endpoints(update)
            gone = set()
        self._delete_backends(gone | {tag for tag, view in update.backends.items() if view is None})
        self.secret = update.secret or self.secret
        self.epoch, self.version = update.epoch, update.version

    def split(self, endpoint_name: str) -> Split:
        """The traffic policy of an endpoint.

        Raises:
            KeyError: the endpoint is not (yet) known.
            NoBackendError: no backend was linked to the endpoint yet.
        """
        endpoint = self.endpoints[endpoint_name]
        cached = self._splits.get(endpoint_name)
        if cached is not None and cached[0] is endpoint:
            return cached[1]
        if not endpoint.traffic:
            raise NoBackendError(
                f"endpoint {endpoint_name!r} has no backend yet; serve.set_traffic() or link() it to one"
            )
        split = Split(endpoint.traffic, endpoint.shadows)
        self._splits[endpoint_name] = (endpoint, split)
        return split

    def is_gone(self, endpoint_name: str, backend_tag: str) -> bool:
        """Whether the snapshot has neither an endpoint nor the backend that it led to."""
        return endpoint_name not in self.endpoints and backend_tag not in self._known

    def slots(self, backend_tag: str) -> Slots:
        """The slots of a backend; empty ones, which a later update fills, when it is not known yet."""
        slots = self._slots.get(backend_tag)
        if slots is not None:
            return slots
        with self._lock:
            if backend_tag not in self._slots:
                made = self._slots[backend_tag] = Slots(backend_tag, self._max_waiting, self._rng)
                if self._ended is not None:
                    made.end(self._ended)
            return self._slots[backend_tag]

    def end(self, error: Callable[[], Exception]) -> None:
        """Nobody gets a slot here any more: who waits is told an error made by this, and so is who comes later."""
        with self._lock:
            self._ended = error
            everyone = list(self._slots.values())
        for slots in everyone:
            slots.end(error)

    def unfinished(self) -> frozenset[str]:
        """Tags of the replicas that updates removed while requests to them were not over, and are not yet."""
        with self._lock:
            self._retired = [slots for slots in self._retired if slots.total_in_flight]
            everyone = [*self._slots.values(), *self._retired]
        return frozenset(tag for slots in everyone for tag in slots.unfinished())

    def load(self) -> dict[str, int]:
        """Backend tag -> requests that wait or are in flight, where there are any."""
        with self._lock:
            everyone = list(self._slots.items())
        loads = {tag: slots.waiting + slots.total_in_flight for tag, slots in everyone}
        return {tag: load for tag, load in loads.items() if load}

    def _unnamed(self) -> set[str]:
        """Backends that were asked for, and to which no endpoint leads: they were deleted while somebody asked."""
        with self._lock:
            asked = set(self._slots)
        return asked.difference(*((*each.traffic, *each.shadows) for each in self.endpoints.values()))

    def _update_backends(self, views: dict[str, BackendView]) -> None:
        for tag, view in views.items():
            self._known.add(tag)
            self.slots(tag).update(view)

    def _delete_backends(self, tags: set[str]) -> None:
        for tag in tags:
            self._known.discard(tag)
            with self._lock:
                slots = self._slots.pop(tag, None)
                if slots is not None:
                    self._retired.append(slots)
            if slots is not None:
                slots.update(None)

    def _replace_endpoints(self, update: Update) -> None:
        table = RouteTable()
        endpoints = {name: endpoint for name, endpoint in update.endpoints.items() if endpoint is not None}
        for endpoint in endpoints.values():
            table.put(endpoint)
        self.endpoints, self.routes = endpoints, table
        self._splits = {}

    def _change_endpoints(self, update: Update) -> None:
        # all that leave a route go first: another endpoint of the same update may have taken it over
        for name, endpoint in update.endpoints.items():
            old = self.endpoints.get(name)
            if endpoint is None or (old is not None and old.route != endpoint.route):
                self.routes.remove(name)
            if endpoint is None:
                self.endpoints.pop(name, None)
                self._splits.pop(name, None)
        for name, endpoint in update.endpoints.items():
            if endpoint is not None:
                self.routes.put(endpoint)
                self.endpoints[name] = endpoint
