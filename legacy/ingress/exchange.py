"""One attempt to have a request answered by one replica: send it, stream the answer back, clean up exactly once."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any

from legacy.errors import QueueFullError, RayServeException
from legacy.http.cycle import BODY_FOLLOWS
from legacy.http.head import CLOSE
from legacy.http.protocol import SCOPE_KEY, Connection
from legacy.ingress.answer_buffer import PIECE, AnswerBuffer
from legacy.ingress.body import ClientGoneError, RequestBody
from legacy.ingress.budget import Share
from legacy.ingress.pool import Pool
from legacy.ingress.replies import Send
from legacy.ingress.response_head import Outbound
from legacy.ingress.tunnel import Tunnel
from legacy.ingress.upstream import ConnectionGoneError, Upstream
from legacy.records import ReplicaAddress
from legacy.traffic.slots import Slots

Message = MutableMapping[str, Any]

LINGER_S = 2.0  # how long the rest of a body is read for nothing, so that the client gets its early answer


@dataclass(slots=True, eq=False)
class Call:
    """One request on its way.

    Attributes:
        scope, send: of the ASGI request.
        head: the forwarded head but for the lines that depend on the replica.
        last_line: what `call_line` gives.
        body: None when the request has none.
        slots: the slots of the backend that was chosen.
        now: loop time at which it began to look for a replica.
        expects: the client waits to be asked for its body.
        sent: a replica has been sent the whole request.
        started: the client has been sent the head of an answer.
        tries: attempts that ended without an answer.
        tunnel: the client's side, when it asks for a websocket.
        on_sent: called once, when a replica has been sent the request (its shadows leave then), or at the end.
    """

    scope: MutableMapping[str, Any]
    send: Send
    head: bytes
    last_line: bytes
    body: RequestBody | None
    slots: Slots
    now: float = 0.0
    tries: int = 0
    started: bool = False
    sent: bool = False
    expects: bool = False
    tunnel: Tunnel | None = None
    on_sent: Callable[[], None] | None = None
    method: str = field(init=False)
    is_head: bool = field(init=False)

    def __post_init__(self) -> None:
        self.method = self.scope["method"]
        self.is_head = self.method == "HEAD"

    def tell_sent(self) -> None:
        """A replica has been sent the whole request."""
        self.sent = True
        if self.on_sent is not None:
            self._tell()

    def close(self) -> None:
        """It is over. Had no replica got the whole request, its shadows are counted as dropped."""
        if self.on_sent is not None:
            self._tell()
        if self.body is not None:
            self.body.close()

    def _tell(self) -> None:
        tell, self.on_sent = self.on_sent, None
        if tell is not None:
            tell()


class Exchange:
    """A slot at a replica and, soon, a connection to it. `close` gives both back, whatever happened.

    Args:
        pool: where the connection comes from and goes to.
        replica: where a slot has been taken for the call.
        answers: the bytes that may be held of answers whose clients read slowly.

    Attributes:
        upstream: to be set as soon as there is a connection.
    """

    __slots__ = ("_answers", "_call", "_gave_up", "_pool", "_pump", "_slot", "upstream")

    def __init__(self, pool: Pool, call: Call, replica: ReplicaAddress, answers: Share) -> None:
        self.upstream: Upstream | None = None
        self._pool = pool
        self._call = call
        self._answers = answers
        self._slot: str | None = replica.tag
        self._pump: asyncio.Task[None] | None = None
        self._gave_up: tuple[type[Exception], str] | None = None  # why the rest of the body will not come

    async def send_request(self, upstream: Upstream, head: bytes, deadline: float) -> None:
        """Send a request that has a body, and wait for the head of the answer, or for the first of the two to fail.

        Args:
            deadline: loop time by which the answer must have begun.

        Raises:
            ClientGoneError: the client left before its request was complete.
            RayServeException: the rest of the request is lost.
            ConnectionGoneError, UpstreamError: there will be no answer.
        """
        call = self._call
        body = call.body
        assert body is not None
        answered = upstream.request(head + await body.next(), call.is_head, deadline)
        if body.at_end:
            call.tell_sent()
        else:
            self._pump = asyncio.ensure_future(self._send_rest(body, upstream))
        try:
            await answered
        except ConnectionGoneError:
            if self._gave_up is None:
                raise
            kind, text = self._gave_up
            raise kind(text) from None
        finally:
            del answered  # it keeps its error, which keeps this frame

    def whole_answer(self, answer: Outbound) -> tuple[Message, Message] | None:
        """The two messages of an answer that has arrived as a whole; the slot and the connection are free then."""
        upstream, call = self.upstream, self._call
        if upstream is None or not upstream.complete or self._pump is not None or upstream.status == 101:
            return None
        if upstream.buffer.size > PIECE:
            return None  # what a slow client has not read of it must be counted
        body = {"type": "http.response.body", "body": upstream.buffer.take()}
        status, headers = upstream.status, answer.headers
        self.close()
        call.started = True
        return {"type": "http.response.start", "status": status, "headers": headers, BODY_FOLLOWS: True}, body

    async def send_answer(self, answer: Outbound) -> None:
        """Pass the answer on as it comes.

        The slot and the connection are free as soon as all of it has arrived, however slowly the client reads.

        Raises:
            ConnectionGoneError, UpstreamError: the answer broke off; the client has seen its beginning.
        """
        upstream, call, send = self.upstream, self._call, self._call.send
        assert upstream is not None
        if call.tunnel is not None and upstream.status == 101:
            call.started = True
            await call.tunnel.join(*upstream.hand_over(), answer.headers)
            return
        if call.body is not None and call.body.at_end:
            call.body.close()  # it will not be sent again
        elif call.body is not None and not call.body.done:
            answer.headers.append(CLOSE)  # an early answer: the rest of the request will not be read
        call.started = True
        buffer = upstream.buffer
        buffer.borrow_from(self._answers)
        upstream.on_complete = self._arrived
        try:
            await send({"type": "http.response.start", "status": upstream.status, "headers": answer.headers})
            while self._slot is not None and not upstream.complete:
                data = upstream.take()
                if data:
                    await send({"type": "http.response.body", "body": data, "more_body": True})
                else:
                    await upstream.more()
            early = await self._stop_pump()
            self._leave()
            await self._send_left(buffer, early)
        finally:
            if self._slot is not None:
                upstream.on_complete = None
            buffer.settle()

    async def _send_left(self, buffer: AnswerBuffer, early: bool) -> None:
        call, send = self._call, self._call.send
        data = buffer.take()
        while buffer.size:
            await send({"type": "http.response.body", "body": data, "more_body": True})
            data = buffer.take()
        if early and call.body is not None:
            await send({"type": "http.response.body", "body": data, "more_body": True})
            data = b""
            await _read_for_nothing(call.body)
        await send({"type": "http.response.body", "body": data})

    def _arrived(self) -> None:
        if self._pump is None or self._pump.done():
            self._leave()

    def _leave(self) -> None:
        """The whole answer has arrived: what is left of it is the client's, slot and connection are the next one's."""
        if self._slot is not None and self.upstream is not None:
            self.upstream.buffer = AnswerBuffer()
            self.upstream.on_complete = None
            self.close()

    def close(self) -> None:
        """Give back what is still held; a connection in the middle of an exchange is closed."""
        slot, self._slot = self._slot, None
        pump, self._pump = self._pump, None  # it knows us
        if pump is not None:
            pump.cancel()
        if slot is None:
            return
        upstream = self.upstream
        if upstream is not None:
            if pump is not None and (self._call.body is None or not self._call.body.at_end):
                upstream.reusable = False  # half a request is on it
            self._pool.put_back(upstream)
        self._call.slots.give_back(slot)

    async def _stop_pump(self) -> bool:
        """End sending the body; True when there was more to send."""
        pump = self._pump
        if pump is None or pump.done():
            return False
        pump.cancel()
        await asyncio.wait((pump,))
        return True

    async def _send_rest(self, body: RequestBody, upstream: Upstream) -> None:
        connection: Connection | None = self._call.scope.get(SCOPE_KEY)
        if connection is not None and not body.done:
            slots = self._call.slots
            connection.streamed = lambda: body.received() if slots.waiting else None
        try:
            while not body.at_end:
                data = await body.next()
                if data:
                    await upstream.write(data)
            self._call.tell_sent()
        except ConnectionGoneError:
            pass  # the answer, or its absence, tells the rest
        except ClientGoneError:
            self._gave_up = ClientGoneError, ""
            upstream.abort()
        except QueueFullError as error:
            self._gave_up = QueueFullError, str(error)
            upstream.abort()
        except OSError as error:
            self._gave_up = RayServeException, f"a part of the request could not be read back from the disk: {error}"
            upstream.abort()
        finally:
            if connection is not None:
                connection.streamed = None


async def _read_for_nothing(body: RequestBody) -> None:
    with contextlib.suppress(ClientGoneError, QueueFullError, asyncio.TimeoutError):
        await asyncio.wait_for(_drain(body), LINGER_S)


async def _drain(body: RequestBody) -> None:
    body.forget()
    while not body.at_end:
        await body.next()
