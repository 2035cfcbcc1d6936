"""A client connection that can be refused, and that is given up when its client takes too long."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from legacy.http.cycle import Cycle
from legacy.http.protocol import CancellingProtocol
from legacy.ingress.header_rules import Refusal
from legacy.ingress.limits import Limits, Phase, Verdict, overdue


class RefusingProtocol(CancellingProtocol):
    """uvicorn's protocol plus refusals in order, lingering close and deadlines. `LIMITS` may differ in a subclass."""

    LIMITS = Limits()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._refusal: Refusal | None = None  # found while parsing, or waiting for the answers before it
        self._deaf = False  # nothing more is read
        self._in_head = True
        self._head_since = self._last_data = self._wanted_since = self.loop.time()
        self._unread = (0, 0.0)  # bytes the client has not read, and since when it is so many

    def eof_received(self) -> bool:  # type: ignore[override]
        # A client that only closed its sending side still gets its answer if that is quick. One that is gone looks
        # the same, so the grace is short, and there is none for a request that has not been started.
        cycle = self.cycle
        if self._deaf or self.connection.queued or self.running is None or cycle is None or cycle.more_body:
            return False
        self._deaf = True
        self.loop.call_later(self.LIMITS.half_close_s, self.transport.abort)
        return True

    def _refuse(self, refusal: Refusal) -> None:
        """Read no more; answer what came before, then this, and close."""
        self._deaf = True
        self._refusal = refusal
        cycle = self.cycle
        if self.running is None or cycle is None:
            self._write_refusal()
        elif cycle.more_body and not cycle.response_complete:
            self._refuse_body(cycle)

    def _refuse_body(self, cycle: Cycle) -> None:
        """The body of a request that is already known is broken: it must not look complete to anybody."""
        if cycle is not self.running:
            self.pipeline.remove(cycle)  # it waits for its turn: refused when that comes
            return
        started = cycle.response_started
        cycle.disconnect()  # nothing its task still sends goes out
        self.connection.cancel()
        if started:
            self.transport.abort()
        else:
            self._write_refusal()

    def on_response_complete(self) -> None:
        last = not self.pipeline
        super().on_response_complete()
        if self._deaf and last:
            if self._refusal is not None:
                self._write_refusal()
            elif not self.transport.is_closing():
                self.transport.close()

    def _write_refusal(self) -> None:
        refusal = self._refusal
        if refusal is None or self.transport.is_closing():
            return
        text = refusal.text.encode("ascii")
        phrase = HTTPStatus(refusal.status).phrase.encode()
        self.transport.write(
            b"HTTP/1.1 %d %b\r\ncontent-type: text/plain; charset=utf-8\r\n" % (refusal.status, phrase)
            + b"content-length: %d\r\nconnection: close\r\n\r\n%b" % (len(text), text)
        )
        # Closing with unread bytes would make the kernel reset the connection and destroy the answer on its way.
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.flow.resume_reading()
        self.loop.call_later(self.LIMITS.linger_s, self.transport.abort)

    def look(self, now: float) -> None:
        """See whether the client has used up its time (`legacy.ingress.limits`).

        Args:
            now: loop time.
        """
        size = self.transport.get_write_buffer_size()
        if size != self._unread[0] or not size:
            self._unread = (size, now)
        phase = Phase.OTHER if self._deaf or self.transport.is_closing() else self._phase(now)
        if phase is Phase.HEAD:
            waited = now - self._head_since
        else:
            if phase is not Phase.BODY:
                self._wanted_since = now
            waited = now - max(self._last_data, self._wanted_since)
        verdict = overdue(self.LIMITS, phase, waited, now - self._unread[1])
        if verdict is Verdict.CUT:
            self.transport.abort()
        elif verdict is Verdict.TIMEOUT:
            self._refuse(Refusal(408, "The request did not arrive in time."))

    def _phase(self, now: float) -> Phase:
        cycle = self.cycle
        answered = self.running is None
        if self._in_head:
            return Phase.HEAD if answered else Phase.OTHER
        if cycle is not None and cycle.more_body:
            # somebody must want it: not while it is held back, nor before "100 Continue"
            wanted = not self.flow.read_paused and not cycle.waiting_for_100_continue
            return Phase.BODY if wanted else Phase.OTHER
        return Phase.OTHER
