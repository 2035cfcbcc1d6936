"""The routers of this process: one per serve instance, made when a handle first needs it."""

from __future__ import annotations

import atexit
import os
import threading

from legacy import cluster, controllers
from legacy.calls.local_router import LocalRouter
from legacy.records import InstanceName


class Routers:
    """Finds, makes and closes the routers of one process."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Begin anew in a forked child: threads do not survive a fork, and the lock may have been held."""
        self._lock = threading.Lock()
        self._routers: dict[InstanceName, LocalRouter] = {}
        self._shut: set[InstanceName] = set()
        self._connection: object = None

    def get(self, instance: InstanceName) -> LocalRouter:
        """The router for an instance; InstanceError when there is none of that name in the cluster any more."""
        connection = cluster.connection()
        if connection is None:  # to ask Ray for anything would start a new cluster
            raise controllers.has_ended(instance)
        self._follow(connection)
        with self._lock:
            if instance in self._shut:
                raise controllers.has_ended(instance)
            router = self._routers.get(instance)
            if router is None or router.closed:
                router = self._routers[instance] = LocalRouter(instance, controllers.find(instance))
        return router

    def known(self, instance: InstanceName) -> LocalRouter | None:
        """The router for an instance if there is one already."""
        with self._lock:
            router = self._routers.get(instance)
        return None if router is None or router.closed else router

    def open(self, instance: InstanceName) -> None:
        """An instance of that name was started (again)."""
        with self._lock:
            self._shut.discard(instance)

    def close(self, instance: InstanceName) -> None:
        """The instance was shut down: end its router, refuse to make another one."""
        with self._lock:
            self._shut.add(instance)
            router = self._routers.pop(instance, None)
        if router is not None:
            router.close()

    def close_all(self) -> None:
        """End all routers, at the end of the process."""
        with self._lock:
            routers, self._routers = list(self._routers.values()), {}
        for router in routers:
            router.close()

    def _follow(self, connection: object) -> None:
        with self._lock:
            stale = [] if connection is self._connection else list(self._routers.values())
            if connection is not self._connection:
                self._routers, self._shut, self._connection = {}, set(), connection
        for old in stale:
            old.close()


routers = Routers()

os.register_at_fork(after_in_child=routers.reset)
atexit.register(routers.close_all)
