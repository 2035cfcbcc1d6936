"""An HTTP/1.1 server protocol that cancels the running ASGI task when its client goes away.

uvicorn only tells an application about a disconnect when it asks, so a handler that awaits something else would work on
for nobody. Watching every request with a task of its own costs a third of the throughput; here the connection knows the
one task that works for it. Proxies and replicas share this class:

    uvicorn.Config(app, http=CancellingProtocol, ...)

Of uvicorn's protocol the connection's life stays (set-up, keep-alive timer, flow control, websockets); requests and
responses are `legacy.http.cycle`. Not supported: limit_concurrency, root_path and the access log of uvicorn.Config.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from legacy.constants import SMALL
from legacy.http.cycle import Cycle, reset
from legacy.http.receiving import Held

SCOPE_KEY = "serve.connection"
"""Where the scope of an HTTP request carries its `Connection`; drop it before a scope is pickled or copied away."""

HIGH_WATER = 64 * 1024  # bytes of a request's body held for the application before the client is made to wait
ASGI = {"version": "3.0", "spec_version": "2.4"}


class Connection:
    """What one client connection is doing: HTTP/1.1 answers in order, so at most one task works for it.

    Attributes:
        task: the ASGI task whose response is not complete yet.
        transport: the client's, once it is connected.
        lost: the client is gone; nothing that is sent can arrive.
        queued: the task waits for a replica, so nothing of it has been started yet.
        streamed: while a replica waits for the rest of the request's body, gives how many bytes of it have come; None
            when nobody else wants the replica.
    """

    __slots__ = ("lost", "queued", "streamed", "task", "transport")

    def __init__(self) -> None:
        self.task: asyncio.Task[Any] | None = None
        self.transport: asyncio.Transport | None = None
        self.lost = False
        self.queued = False
        self.streamed: Callable[[], int | None] | None = None

    def cancel(self) -> None:
        """The client is gone: stop the work that is done for it."""
        self.lost = True
        task, self.task = self.task, None
        if task is not None and not task.done():
            task.cancel()

    def abort(self) -> None:
        """Cut the connection at once: the client must see that its answer is not complete."""
        if self.transport is not None:
            reset(self.transport)


class CancellingProtocol(HttpToolsProtocol):
    """uvicorn's httptools protocol plus cancellation of the request in progress when the connection is lost.

    Attributes:
        cycle: the newest request, whose body is being received.
        pipeline: requests that wait for the responses before theirs, the newest on the left.
        running: the request whose response is due now.
        arriving: where the head that is being received is counted, if it is; its cycle takes that over.
    """

    cycle: Cycle | None  # type: ignore[assignment]
    arriving: Held | None = None
    _deaf = False  # nothing more is read

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.connection = Connection()
        self.running: Cycle | None = None
        self.pipeline: deque[Cycle] = deque()  # type: ignore[assignment]
        self._idle_since = 0.0
        self._in_request = False  # a head has begun and is not complete
        self._default_headers: Any = None
        self._default_head = b""

    def default_head(self) -> bytes:
        """The header lines every response begins with; uvicorn makes new ones each second."""
        headers = self.server_state.default_headers
        if headers is not self._default_headers:
            self._default_headers = headers
            self._default_head = b"".join(b"%b: %b\r\n" % header for header in headers)
        return self._default_head

    # the connection

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.connection.transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self.connections.discard(self)
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()
        for cycle in (self.running, self.cycle, *self.pipeline):
            if cycle is not None and not cycle.response_complete:
                cycle.disconnect()
        self.pipeline.clear()
        self.flow.resume_writing()
        self.connection.transport = None
        self.cancel()
        self.let_go()

    def cancel(self) -> None:
        """The client is gone: stop the work that is done for it."""
        task = self.connection.task
        self.connection.cancel()
        if task is not None:  # one that has not begun yet never will, and then does not say that it is over
            task.add_done_callback(self.tasks.discard)

    def let_go(self) -> None:
        """The connection is over, or somebody else's: drop what knows us, since a collector may look for it seldom."""
        self.cycle = self.running = self.parser = self.scope = None  # type: ignore[assignment]

    # the parser

    def on_message_begin(self) -> None:
        self._in_request = True
        self.url = b""
        self.expect_100_continue = False
        self.headers = []
        scope: Any = {
            "type": "http",
            "asgi": ASGI,
            "http_version": "1.1",
            "server": self.server,
            "client": self.client,
            "scheme": self.scheme,
            "root_path": "",
            "headers": self.headers,
            "state": self.app_state.copy(),
            SCOPE_KEY: self.connection,
        }
        self.scope = scope

    def on_headers_complete(self) -> None:
        parser = self.parser
        scope: Any = self.scope
        scope["method"] = parser.get_method().decode("ascii")
        version = parser.get_http_version()
        if version != "1.1":
            scope["http_version"] = version
        upgrades = parser.should_upgrade()
        self.check_head(scope["method"], version, upgrades)
        self._in_request = False
        if upgrades and self._should_upgrade():
            return
        raw_path, _, scope["query_string"] = self.url.partition(b"?")
        path = raw_path.decode("latin-1")
        scope["path"] = unquote(path) if "%" in path else path
        scope["raw_path"] = raw_path
        keep_alive = version == "1.1" and parser.should_keep_alive()
        if upgrades:
            cycle = self.make_upgrade_cycle(scope, keep_alive)
        else:
            cycle = Cycle(self, scope, keep_alive, self.expect_100_continue)
        self.cycle = cycle
        if cycle.held is not None:
            self.arriving = None
        if self.running is None:
            self._run(cycle)
        else:
            # Answers go out in the order of the requests; until this one's turn nothing more is read.
            self.flow.pause_reading()
            self.pipeline.appendleft(cycle)

    def check_head(self, method: str, version: str, upgrades: bool) -> None:
        """The head is complete, and nothing of it has had an effect yet; an error stops the parser."""

    def make_upgrade_cycle(self, scope: Any, keep_alive: bool) -> Cycle:
        """The cycle for a request that asks for another protocol, which is ignored."""
        return Cycle(self, scope, keep_alive, self.expect_100_continue)

    def on_body(self, body: bytes) -> None:
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete and (held := cycle.feed(body)) > SMALL:
            self.on_held(cycle, held)

    def on_held(self, cycle: Cycle, held: int) -> None:
        """So many bytes of a body, more than `SMALL`, are held for the application."""
        if held > HIGH_WATER:
            self.flow.pause_reading()

    def on_part_read(self) -> None:
        """The application has been given all that has come of a body; more follows."""
        self.flow.resume_reading()

    def on_message_complete(self) -> None:
        cycle = self.cycle
        if cycle is not None:
            cycle.end_body()
            if self.flow.read_paused and cycle is self.running:
                self.flow.resume_reading()  # else nobody would notice that the client leaves

    # responses

    def _run(self, cycle: Cycle) -> None:
        self.running = cycle
        self.connection.task = task = self.loop.create_task(cycle.run(self.app))
        self.tasks.add(task)  # which it leaves itself: a callback would cost each request a turn of the loop

    def on_response_complete(self) -> None:
        """The response of the running request is written: begin the next one, or wait for one."""
        # Work after the last byte (a Starlette background task) belongs to nobody's connection: let it finish.
        self.connection.task = self.running = None
        if self.transport.is_closing():
            return
        if self.pipeline:
            self._run(self.pipeline.pop())
            if not self.pipeline:
                self.flow.resume_reading()
            return
        self._idle_since = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self._watch_idle(self.timeout_keep_alive)
        if not self._in_request:
            # An idle connection keeps nothing of its last request, of which only the rest of a body may still come.
            self.scope = self.headers = None  # type: ignore[assignment]
            if self.cycle is not None and not self.cycle.more_body:
                self.cycle = None
        if self.flow.read_paused:
            self.flow.resume_reading()
        if self._deaf:
            self.on_last_answer()

    def on_last_answer(self) -> None:
        """All requests are answered on a connection from which nothing more is read."""
        self.transport.close()

    def _watch_idle(self, wait_s: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(wait_s, self.timeout_keep_alive_handler)

    def timeout_keep_alive_handler(self) -> None:
        """Close the connection if it was idle for the whole time; a timer per connection, not one per request."""
        self.timeout_keep_alive_task = None
        if self.running is not None or self.transport.is_closing():
            return  # the next response sees to a new timer
        left = self._idle_since + self.timeout_keep_alive - self.loop.time()
        if left > 0 or self._in_request:
            self._watch_idle(max(left, 1.0))
        else:
            self.transport.close()

    def _unset_keepalive_if_required(self) -> None:
        pass  # uvicorn stops its timer whenever bytes come; this one goes on and looks again

    def shutdown(self) -> None:
        """Close as soon as the requests that are known have been answered."""
        if self.running is None:
            self.transport.close()
        elif self.cycle is not None:
            self.cycle.keep_alive = False
