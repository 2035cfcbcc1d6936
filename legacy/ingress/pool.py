"""The connections of one proxy to all replicas.

Connections are kept per replica tag. A new replica process always has a new tag, so it never inherits a connection of
its predecessor. Idle connections are closed here after 30 s, long before the replica would close them (90 s): the side
that sends requests closes first, or a request could meet a connection that is just being closed.
"""

from __future__ import annotations

import asyncio
import ssl

from legacy.http.admission import NO_DESCRIPTORS
from legacy.ingress.upstream import Upstream
from legacy.records import ReplicaAddress

IDLE_S = 30.0
CONNECT_TIMEOUT_S = 5.0
TICK_S = 1.0


class UnreachableError(Exception):
    """No connection to the replica could be made, so it has seen nothing of the request.

    Attributes:
        dead: nobody listens there; False when the replica may just be too busy to accept.
    """

    def __init__(self, text: str, dead: bool) -> None:
        super().__init__(text)
        self.dead = dead


class Pool:
    """Idle and busy connections to replicas.

    Args:
        node_id: replicas of this node are reached by their unix socket, others by TCP.
        tls: for TCP, when the cluster runs with RAY_USE_TLS; None is plain TCP.
    """

    def __init__(self, node_id: str, tls: ssl.SSLContext | None = None) -> None:
        self._node_id = node_id
        self._tls = tls
        self._idle: dict[str, list[Upstream]] = {}
        self._all: set[Upstream] = set()

    def is_local(self, replica: ReplicaAddress) -> bool:
        """Whether the replica is reached by its unix socket."""
        return replica.node_id == self._node_id

    def take(self, tag: str) -> Upstream | None:
        """An idle connection to the replica, the one used last; None when there is none."""
        idle = self._idle.get(tag)
        while idle:
            upstream = idle.pop()
            if not upstream.closed:
                return upstream
        return None

    async def connect(self, replica: ReplicaAddress, upgrade: bool = False) -> Upstream:
        """A new connection to the replica.

        Args:
            upgrade: for a request that asks for another protocol.

        Raises:
            UnreachableError: it could not be made within 5 s.
        """
        loop = asyncio.get_running_loop()
        # asyncio.wait_for of Python 3.11 and older forgets a cancellation that comes just when the connection is made.
        opening = loop.create_task(self._open(loop, replica, upgrade))
        try:
            await asyncio.wait((opening,), timeout=CONNECT_TIMEOUT_S)
        except asyncio.CancelledError:
            _give_up(opening)
            raise
        try:
            if not opening.done():
                _give_up(opening)
                raise asyncio.TimeoutError
            upstream = opening.result()
        except (OSError, asyncio.TimeoutError) as error:
            if isinstance(error, OSError) and error.errno in NO_DESCRIPTORS and self._forget_idle():
                await asyncio.sleep(0)  # the loop closes them now
                return await self.connect(replica, upgrade)
            dead = isinstance(error, (ConnectionError, FileNotFoundError, asyncio.TimeoutError))
            raise UnreachableError(f"replica {replica.tag!r} cannot be reached: {error!r}", dead) from None
        finally:
            del opening  # it keeps its error, which keeps this frame
        self._all.add(upstream)
        return upstream

    async def _open(self, loop: asyncio.AbstractEventLoop, replica: ReplicaAddress, upgrade: bool) -> Upstream:
        def made() -> Upstream:
            return Upstream(replica.tag, loop, upgrade)

        if self.is_local(replica):
            _, upstream = await loop.create_unix_connection(made, replica.unix_path)
            return upstream
        if replica.tcp is None:
            raise FileNotFoundError("it is on another node and does not listen on TCP")
        host, port = replica.tcp
        _, upstream = await loop.create_connection(made, host, port, ssl=self._tls)
        return upstream

    def put_back(self, upstream: Upstream) -> None:
        """The request is over: keep the connection if it may carry another one."""
        if upstream.finish():
            idle = self._idle.get(upstream.tag)
            if idle is None:
                idle = self._idle[upstream.tag] = []
            idle.append(upstream)
        else:
            self._all.discard(upstream)

    def tick(self, now: float) -> None:
        """Close what was idle too long, and end the wait for answers whose deadline has passed; once a second.

        Args:
            now: loop time.
        """
        for upstream in list(self._all):
            if upstream.closed:
                self._all.discard(upstream)
            elif upstream.deadline < now:
                upstream.time_out()
        for tag, idle in list(self._idle.items()):
            for upstream in idle:
                if now - upstream.idle_since > IDLE_S:
                    upstream.abort()
            alive = [upstream for upstream in idle if not upstream.closed]
            if alive:
                self._idle[tag] = alive
            else:
                del self._idle[tag]

    def close(self) -> None:
        """Close every connection."""
        for upstream in self._all:
            upstream.abort()
        self._all.clear()
        self._idle.clear()

    def size(self) -> int:
        """How many connections are open, about: one that a replica closed counts for up to a second more."""
        return len(self._all)

    def _forget_idle(self) -> bool:
        """Close what is idle, which may be connections to other replicas than the one that is wanted."""
        idle = [upstream for kept in self._idle.values() for upstream in kept]
        self._idle.clear()
        for upstream in idle:
            upstream.abort()
            self._all.discard(upstream)
        return bool(idle)

    def counts(self) -> tuple[int, int]:
        """How many connections are open, and how many of them are idle."""
        open_now = [upstream for upstream in self._all if not upstream.closed]
        return len(open_now), sum(not upstream.busy for upstream in open_now)


def _give_up(opening: asyncio.Task[Upstream]) -> None:
    """Nobody wants this connection any more, whether it is made already or not."""

    def close(opened: asyncio.Task[Upstream]) -> None:
        if not opened.cancelled() and opened.exception() is None:
            opened.result().abort()

    opening.cancel()
    opening.add_done_callback(close)
