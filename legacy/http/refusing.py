"""A client connection that can be refused, and that is given up when its client takes too long."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from legacy.http.cycle import Cycle, reset
from legacy.http.kernel import is_closed, unacknowledged, watch_peer
from legacy.http.limits import Limits, Pace, Phase, Verdict, overdue
from legacy.http.protocol import CancellingProtocol
from legacy.http.refusal import Refusal


class RefusingProtocol(CancellingProtocol):
    """uvicorn's protocol plus refusals in order, lingering close and deadlines. `LIMITS` may differ in a subclass."""

    LIMITS = Limits()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._refusal: Refusal | None = None  # found while parsing, or waiting for the answers before it
        self._lingers = False  # refused, and given time to read that
        self._in_head = True
        self._head_since = self._last_data = self._wanted_since = self.loop.time()
        self._unread = (0, 0)  # bytes the client has not read: those in our buffer, those in the kernel's
        self._unread_since = 0.0  # how long it is so many
        self._pace = Pace(self.LIMITS)
        self._watched = False  # the kernel tells when the client's machine has vanished

    def eof_received(self) -> bool:  # type: ignore[override]
        # A client that only closed its sending side still gets its answer. One that is gone looks the same at first, so
        # it is asked again and again, and at once while its request has not been started.
        cycle = self.cycle
        if self._lingers or self.running is None or cycle is None or cycle.scope["type"] != "http":
            return False
        if cycle.more_body and self._refusal is None:
            if cycle is self.running:
                return False
            self.pipeline.remove(cycle)  # it will never be whole; those before it are answered
        self._deaf = True
        watch_peer(self.transport)
        if self.connection.queued:
            self._look_at_half_closed(0)
        else:
            self.loop.call_later(self.LIMITS.half_closed_look_s, self._look_at_half_closed, 0)
        return True

    def _look_at_half_closed(self, looks: int) -> None:
        if self.running is None or self.transport.is_closing():
            return
        if is_closed(self.transport):  # nobody reads any more, so nobody else would notice
            self.transport.abort()
            return
        pause_s = self.LIMITS.half_closed_look_s
        if looks % 4 == 0:
            self.running.probe()
            pause_s /= 10  # from near by the answer comes at once
        self.loop.call_later(pause_s, self._look_at_half_closed, looks + 1)

    def _refuse(self, refusal: Refusal) -> None:
        """Read no more; answer what came before, then this, and close."""
        self._deaf = True
        self._refusal = refusal.with_traceback(None)  # whose frames know what has come
        self.parser = self.scope = self.headers = None  # type: ignore[assignment]
        self.url = b""
        if self.arriving is not None:
            self.arriving.close()  # what came of its head is let go, and may be long until the connection is
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
        self.cancel()
        if started:
            self.transport.abort()
        else:
            self._write_refusal()

    def let_go(self) -> None:
        """Also of the refusal: it was raised here, so it knows us."""
        super().let_go()
        self._refusal = None

    def on_last_answer(self) -> None:
        """What was refused behind it has its turn now; else the client has closed its side, and so do we."""
        if self._refusal is not None:
            self._write_refusal()
        else:
            super().on_last_answer()

    def _write_refusal(self) -> None:
        refusal = self._refusal
        if refusal is None or self.transport.is_closing():
            return
        text = refusal.text.encode("ascii")
        phrase = HTTPStatus(refusal.status).phrase.encode()
        later = b"retry-after: 1\r\n" if refusal.status == HTTPStatus.SERVICE_UNAVAILABLE else b""
        self.transport.write(
            b"HTTP/1.1 %d %b\r\ncontent-type: text/plain; charset=utf-8\r\n%b" % (refusal.status, phrase, later)
            + b"content-length: %d\r\nconnection: close\r\n\r\n%b" % (len(text), text)
        )
        # Closing with unread bytes would make the kernel reset the connection and destroy the answer on its way.
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.flow.resume_reading()
        self._lingers = True
        self.loop.call_later(self.LIMITS.linger_s, self.transport.abort)

    def shutdown(self) -> None:
        """The server stops: who was refused has had its answer, whatever became of its request."""
        if self._lingers:
            self.transport.close()
        else:
            super().shutdown()

    def look(self, now: float) -> None:
        """See whether the client has used up its time (`legacy.http.limits`).

        Args:
            now: loop time.
        """
        self._look_at_unread(now)
        phase = Phase.OTHER if self._deaf or self.transport.is_closing() else self._phase(now)
        if phase is Phase.HEAD:
            waited = now - self._head_since
        else:
            if phase is not Phase.BODY:
                self._wanted_since = now
            waited = now - max(self._last_data, self._wanted_since)
        verdict = overdue(self.LIMITS, phase, waited, now - self._unread_since)
        streamed = self.connection.streamed
        size = streamed() if phase is Phase.BODY and streamed is not None else None
        if size is None:
            self._pace.restart()
        elif verdict is Verdict.FINE and not self._pace.is_kept(now, size):
            verdict = Verdict.TIMEOUT
        if phase is Phase.BODY and waited > self.LIMITS.body_watch_s and not self._watched:
            self._watched = True
            watch_peer(self.transport)
        if verdict is Verdict.CUT:
            reset(self.transport)
        elif verdict is Verdict.TIMEOUT:
            self._refuse(Refusal(408, "The request did not arrive in time."))

    def _look_at_unread(self, now: float) -> None:
        size, queued = self.transport.get_write_buffer_size(), 0
        if size and size == self._unread[0]:  # else it moves, and the kernel need not be asked
            queued = unacknowledged(self.transport)
        if not size or (size, queued) != self._unread:
            self._unread = (size, queued)
            self._unread_since = now

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
