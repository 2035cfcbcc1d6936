"""Shadow requests: sent in the background, answers thrown away, never a burden on the primary.

The primary's request only puts a copy into a bounded list here. Shadow requests take slots of the shadow backend like
any request; when it cannot keep up, new ones are dropped and counted.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass

from legacy.constants import MAX_SHADOWS
from legacy.errors import RayServeException
from legacy.ingress.budget import WAITING_COST, Share
from legacy.ingress.counters import Counters
from legacy.ingress.pool import Pool, UnreachableError
from legacy.ingress.relay import RequestWriter
from legacy.ingress.upstream import ConnectionGoneError
from legacy.ingress.waiting import wait_for_slot
from legacy.records import ReplicaAddress
from legacy.traffic.slots import Slots

# Nobody reads the answer, so nobody leaves: one without an end would keep its slot and its bytes for ever.
LONGEST_BODY_S = 60.0


@dataclass(frozen=True)
class ShadowRequest:
    """A copy of a request: head without the replica's lines, last line, framed body."""

    head: bytes
    last_line: bytes
    body: bytes
    is_head: bool

    @property
    def cost(self) -> int:
        """Bytes of memory it takes until it is answered."""
        return WAITING_COST + len(self.head) + len(self.body)


class _Backlog:
    """The requests for one shadow backend."""

    def __init__(self, slots: Slots) -> None:
        self.slots = slots
        self.waiting: deque[ShadowRequest] = deque()
        self.sending: set[asyncio.Task[None]] = set()
        self.feeder: asyncio.Task[None] | None = None

    @property
    def pending(self) -> int:
        return len(self.waiting) + len(self.sending)


class Shadows:
    """Sends shadow requests in the background.

    Args:
        pool: connections to replicas, shared with the primaries.
        writer: completes a head for a replica.
        share: the bytes that may be held of them.
        answer_timeout_s: how long a shadow may take to begin its answer.
        counters: where sent and dropped ones are counted.
    """

    def __init__(
        self, pool: Pool, writer: RequestWriter, share: Share, answer_timeout_s: float, counters: Counters
    ) -> None:
        self._pool = pool
        self._writer = writer
        self._share = share
        self._answer_timeout_s = answer_timeout_s
        self._counters = counters
        self._backlogs: dict[str, _Backlog] = {}

    def submit(self, slots: Slots, request: ShadowRequest) -> None:
        """Send it when the shadow backend has a slot; drop it when too many wait, or too many bytes."""
        backlog = self._backlogs.get(slots.tag)
        if backlog is None or backlog.slots is not slots:
            backlog = self._backlogs[slots.tag] = _Backlog(slots)
        if backlog.pending >= MAX_SHADOWS or not self._share.take(request.cost):
            self.drop(slots.tag)
            return
        backlog.waiting.append(request)
        if backlog.feeder is None or backlog.feeder.done():
            backlog.feeder = asyncio.ensure_future(self._feed(backlog))

    def drop(self, tag: str) -> None:
        """Count one that is not sent."""
        self._counters.shadows_dropped[tag] += 1

    def close(self) -> None:
        """Forget what waits and cancel what is being sent."""
        for backlog in self._backlogs.values():
            for task in (backlog.feeder, *backlog.sending):
                if task is not None:
                    task.cancel()
        self._backlogs.clear()

    async def _feed(self, backlog: _Backlog) -> None:
        while backlog.waiting:
            try:
                replica = backlog.slots.take() or await wait_for_slot(backlog.slots, None)
            except RayServeException:  # the backend is gone, or primaries fill its queue
                self._counters.shadows_dropped[backlog.slots.tag] += len(backlog.waiting)
                self._share.give_back(sum(request.cost for request in backlog.waiting))
                backlog.waiting.clear()
                return
            task = asyncio.ensure_future(self._send(backlog.slots, replica, backlog.waiting.popleft()))
            backlog.sending.add(task)
            task.add_done_callback(backlog.sending.discard)

    async def _send(self, slots: Slots, replica: ReplicaAddress, request: ShadowRequest) -> None:
        upstream, cost = None, request.cost
        try:
            upstream = self._pool.take(replica.tag) or await self._pool.connect(replica)
            deadline = asyncio.get_running_loop().time() + self._answer_timeout_s
            head = self._writer.complete(request.head, request.last_line, replica)
            answered = upstream.request(head + request.body, request.is_head, deadline)
            del request  # the connection has bytes of its own
            try:
                await answered
            finally:
                del answered  # it keeps its error, which keeps this frame
            upstream.deadline = asyncio.get_running_loop().time() + LONGEST_BODY_S
            while not upstream.complete:
                await upstream.more()
                upstream.take()
            self._counters.shadows_sent[slots.tag] += 1
        except UnreachableError as error:
            self._writer.leave_out(slots, replica.tag, error)
            self.drop(slots.tag)
        except (ConnectionGoneError, RayServeException):
            self.drop(slots.tag)
        finally:
            if upstream is not None:
                self._pool.put_back(upstream)
            self._share.give_back(cost)
            slots.give_back(replica.tag)
