"""One request to one backend: a slot, a connection, the exchange, and whether to try again elsewhere.

Who may run a request twice is decided by `may_retry` alone:

    the replica could not be reached       nobody saw the request: it goes elsewhere
    no connection could be opened here     the same, with pauses, until the deadline of the queue
    the replica refused it unread          the same, while its body is still remembered
    the connection broke before an answer  only GET, HEAD and OPTIONS without a body, three tries in all
    anything after the first answer byte   never
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import Enum

from legacy.errors import QueueFullError, ReplicaLostError, UpstreamError
from legacy.http.contract import secret_line
from legacy.http.protocol import SCOPE_KEY, Connection
from legacy.ingress.body import RequestBody
from legacy.ingress.budget import WAITING_COST, Budget, no_room
from legacy.ingress.exchange import Call, Exchange
from legacy.ingress.pool import Pool, UnreachableError
from legacy.ingress.response_head import read_response
from legacy.ingress.upstream import ConnectionGoneError
from legacy.ingress.waiting import wait_for_slot
from legacy.records import ReplicaAddress
from legacy.seldom import Seldom
from legacy.traffic.slots import Slots

MAX_TRIES = 3
FIRST_PAUSE_S = 0.01  # between tries; doubles
LONGEST_PAUSE_S = 1.0
PROBE_S = 1.0  # a replica that could not be reached is tried again after this, should an update not come first

SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS"))


class Outcome(Enum):
    """How an attempt ended without an answer for the client."""

    UNREACHABLE = "unreachable"
    BUSY = "busy"  # not reached either, though it may be alive: no descriptors are left, or its backlog is full
    REFUSED = "refused"
    LOST = "lost"
    BROKEN = "broken"  # lost after the first byte of an answer


def may_retry(outcome: Outcome, method: str, body: RequestBody | None, tries: int) -> bool:
    """Whether a request that got no answer may be sent to another replica.

    Args:
        tries: how many attempts were made.
    """
    if outcome is Outcome.BROKEN or (body is not None and not body.replayable):
        return False
    if outcome in (Outcome.UNREACHABLE, Outcome.BUSY):
        return True  # bounded by the deadline: each replica that cannot be reached is left out from then on
    if outcome is Outcome.REFUSED:
        return tries < MAX_TRIES
    return tries < MAX_TRIES and method in SAFE_METHODS and body is None


class RequestWriter:
    """What primaries and shadows do alike: complete a head for a replica, and leave out replicas that are gone.

    Args:
        pool: knows which replicas are on this node.
        secret: gives the present secret for replicas on other nodes.

    Attributes:
        seldom: for what may happen to every request.
    """

    def __init__(self, pool: Pool, secret: Callable[[], str]) -> None:
        self._pool = pool
        self._secret = secret
        self.seldom = Seldom()

    def complete(self, head: bytes, last_line: bytes, replica: ReplicaAddress) -> bytes:
        """The whole head for this replica."""
        if self._pool.is_local(replica):
            return head + last_line
        return head + secret_line(self._secret()) + last_line

    def leave_out(self, slots: Slots, tag: str, error: UnreachableError) -> None:
        """Choose others from now on, and look again in a second, should an update not come first."""
        if error.dead:
            slots.suspect(tag)
            asyncio.get_running_loop().call_later(PROBE_S, slots.trust, tag)
        self.seldom.warn(tag, error)


class Relay:
    """Carries requests to replicas and their answers back.

    Args:
        pool: connections to replicas.
        writer: completes a head for a replica.
        budget: the bytes that may be held of requests and answers.
        queue_timeout_s: how long a request may wait for a slot, retries included.
        answer_timeout_s: how long a replica may take to begin its answer.
    """

    def __init__(
        self, pool: Pool, writer: RequestWriter, budget: Budget, queue_timeout_s: float, answer_timeout_s: float
    ) -> None:
        self._pool = pool
        self._writer = writer
        self._budget = budget
        self._queue_timeout_s = queue_timeout_s
        self._answer_timeout_s = answer_timeout_s
        self._loop = asyncio.get_running_loop()

    async def run(self, call: Call) -> None:
        """Get an answer for the call and send it to the client.

        Raises:
            RayServeException: there is none and the client has been sent nothing; the error says what to tell it.
            ClientGoneError: the client left before its request was complete.
        """
        body = call.body
        if body is not None and (not call.expects or await self._may_ask(call, body)):
            await body.prefetch()
        call.now = self._loop.time()
        while True:
            replica = call.slots.take()
            if replica is None:
                replica = await self._queue(call)
            outcome = await self._attempt(call, replica)
            if outcome is None:
                return
            call.tries += 1
            if not may_retry(outcome, call.method, call.body, call.tries):
                raise _failure(outcome, replica)
            if outcome is not Outcome.UNREACHABLE:
                pause_s = min(FIRST_PAUSE_S * 2 ** min(call.tries - 1, 10), LONGEST_PAUSE_S)
                if outcome is Outcome.BUSY and self._loop.time() + pause_s > call.now + self._queue_timeout_s:
                    raise _failure(outcome, replica)
                await asyncio.sleep(pause_s)
            if body is not None:
                body.rewind()

    async def _may_ask(self, call: Call, body: RequestBody) -> bool:
        """Wait for a place before a client that waits for it is asked for its body; others have the place meanwhile."""
        if body.streams:
            return False  # it keeps a replica anyway, and is asked for when that takes it
        call.now = self._loop.time()
        replica = call.slots.take() or await self._queue(call)
        call.slots.give_back(replica.tag)
        return True

    async def _queue(self, call: Call) -> ReplicaAddress:
        requests = self._budget.requests
        cost = WAITING_COST + 2 * len(call.head)  # as it came, and as it will be sent
        if not requests.take(cost):
            raise no_room(requests)
        connection: Connection | None = call.scope.get(SCOPE_KEY)
        if connection is not None:
            connection.queued = True
        try:
            return await wait_for_slot(call.slots, call.now + self._queue_timeout_s)
        finally:
            requests.give_back(cost)
            if connection is not None:
                connection.queued = False

    async def _attempt(self, call: Call, replica: ReplicaAddress) -> Outcome | None:
        exchange = Exchange(self._pool, call, replica, self._budget.answers)
        try:
            # A retry does not trust kept connections: a new one tells whether the replica is alive.
            kept = None if call.tries or call.tunnel is not None else self._pool.take(replica.tag)
            exchange.upstream = upstream = kept or await self._pool.connect(replica, call.tunnel is not None)
            deadline = self._loop.time() + self._answer_timeout_s
            head = self._writer.complete(call.head, call.last_line, replica)
            if call.body is None:
                call.tell_sent()
                await upstream.request(head, call.is_head, deadline)
            else:
                await exchange.send_request(upstream, head, deadline)
            answer = read_response(upstream.status, upstream.headers, call.is_head or upstream.status == 101)
            if answer.refused:
                return Outcome.REFUSED
            whole = exchange.whole_answer(answer)
            if whole is None:
                await exchange.send_answer(answer)
            else:
                await call.send(whole[0])
                await call.send(whole[1])
        except UnreachableError as error:
            self._writer.leave_out(call.slots, replica.tag, error)
            return Outcome.UNREACHABLE if error.dead else Outcome.BUSY
        except (ConnectionGoneError, UpstreamError) as error:
            if call.started:
                _break_off(call, error, self._writer.seldom)
            elif isinstance(error, UpstreamError):
                raise
            else:
                return Outcome.BROKEN if exchange.upstream is not None and exchange.upstream.answered else Outcome.LOST
        finally:
            exchange.close()
        return None


def _failure(outcome: Outcome, replica: ReplicaAddress) -> Exception:
    if outcome in (Outcome.LOST, Outcome.BROKEN):
        return ReplicaLostError(
            f"replica {replica.tag!r} of backend {replica.backend!r} died while it worked on this request, which may "
            "have had effects already; send it again if that does no harm"
        )
    return QueueFullError(
        f"the replicas of backend {replica.backend!r} take no requests just now ({outcome.value}); try again"
    )


def _break_off(call: Call, error: Exception, seldom: Seldom) -> None:
    # Half an answer must not look like a whole one: the client's connection is cut, not finished.
    said = f"answer to {call.method} {call.scope['path']!r} broken off: {error!r}"
    seldom.warn(f"broken off {type(error).__name__}", said)
    connection: Connection | None = call.scope.get(SCOPE_KEY)
    if connection is not None:
        connection.abort()
