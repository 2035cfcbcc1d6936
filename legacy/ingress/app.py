"""The proxy's ASGI application: path -> endpoint -> backend -> replica, and the proxy's own pages below /-/."""

from __future__ import annotations

import random
from collections.abc import MutableMapping
from typing import Any

from legacy.constants import OWN_PAGES
from legacy.errors import RayServeException
from legacy.http.contract import Origin, Routed, call_line, origin_line
from legacy.http.head import CLOSE
from legacy.http.protocol import SCOPE_KEY
from legacy.http.refusal import Refusal
from legacy.http_options import HTTPOptions
from legacy.ingress.body import COPY_BYTES, REPLAY_BYTES, ClientGoneError, Receive, RequestBody, frame
from legacy.ingress.budget import Budget
from legacy.ingress.counters import Counters
from legacy.ingress.exchange import Call
from legacy.ingress.framing import Inbound, read_request, target, write_request
from legacy.ingress.node_memory import usable_memory
from legacy.ingress.pool import Pool
from legacy.ingress.relay import Relay, RequestWriter
from legacy.ingress.replies import JSON, TEXT, Send, error_reply, miss_reply, reply
from legacy.ingress.shadow import ShadowRequest, Shadows
from legacy.ingress.spill import spill_room
from legacy.ingress.tunnel import SCOPE_KEY as TUNNEL_KEY
from legacy.seldom import Seldom
from legacy.traffic.router import Router
from legacy.traffic.routes import Match

Scope = MutableMapping[str, Any]

_CACHE_LIMIT = 4096
_USUAL_SHARE = 10  # a tenth of the memory is for what clients have sent or not read, unless the options say otherwise


class ProxyApp:
    """Answers every request of one HTTP proxy. Make it on the loop it runs on.

    Args:
        router: routes, splits and slots; kept up to date by somebody else.
        pool: connections to replicas.
        options: deadlines, memory and the root path.
        rng: decides splits and shadows.

    Attributes:
        budget: the bytes that are held.
    """

    def __init__(self, router: Router, pool: Pool, options: HTTPOptions, rng: random.Random | None = None) -> None:
        self._router = router
        self._rng = rng or random.Random()
        self._root_path = options.root_path.rstrip("/")
        self._counters = Counters()
        most = options.max_buffered_bytes or usable_memory() // _USUAL_SHARE
        self.budget = Budget(most, spill_room(most))
        writer = RequestWriter(pool, lambda: router.secret)
        self._relay = Relay(pool, writer, self.budget, options.queue_timeout_s, options.request_timeout_s)
        self._shadows = Shadows(pool, writer, self.budget.shadows, options.request_timeout_s, self._counters)
        self._origins: dict[tuple[Any, ...], bytes] = {}
        self._last_lines: dict[str, bytes] = {}
        self._seldom = Seldom()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI)."""
        if scope["type"] == "websocket":
            # Middlewares have seen the handshake; what follows is no ASGI conversation but a request with a tunnel.
            cycle = scope[TUNNEL_KEY].cycle
            receive, send = cycle.receive, cycle.send
        elif scope["type"] != "http":
            return
        path: str = scope["path"]
        if self._root_path:
            path = path[len(self._root_path) :] if _is_below(path, self._root_path) else ""
        if path in OWN_PAGES:
            await self._own_page(scope, send, path)
            return
        match = self._router.routes.match(path, scope["method"])
        if match.kind != "found":
            if match.kind == "not_found" and path.startswith("/-/"):
                await self._own_page(scope, send, path)
                return
            status, text, headers = miss_reply(
                match, scope["path"], scope["method"], scope["query_string"], self._root_path
            )
            await reply(send, status, text, TEXT, headers)
            return
        call: Call | None = None
        request_id = None
        try:
            found = read_request(scope["headers"])
            request_id = found.request_id
            call = self._prepare(scope, receive, send, match, found)
            await self._relay.run(call)
        except Refusal as refusal:
            await reply(send, refusal.status, refusal.text.encode(), TEXT, (CLOSE,))
        except ClientGoneError:
            if not _is_lost(scope):
                await reply(send, 400, b"The body is not as long as its Content-Length says.", TEXT, (CLOSE,))
        except RayServeException as error:
            await self._report(scope, send, error, request_id)
        finally:
            if call is not None and (call.on_sent is not None or (call.body is not None and call.body.held)):
                call.close()

    def counters(self) -> Counters:
        """The totals since the start; they go on counting."""
        return self._counters

    def close(self) -> None:
        """Drop the shadows that are on their way."""
        self._shadows.close()

    def _prepare(self, scope: Scope, receive: Receive, send: Send, match: Match, found: Inbound) -> Call:
        endpoint = match.endpoint
        assert endpoint is not None
        name = endpoint.name
        self._counters.http_requests[endpoint.route or ""] += 1
        self._counters.router_requests[name] += 1
        router = self._router
        split = router.split(name)
        shard_key = found.shard_key if endpoint.generation.headers_steer else None
        backend = split.primary(shard_key, self._rng)
        body = None
        if found.chunked or found.length:
            keep = COPY_BYTES if split.has_shadows else REPLAY_BYTES
            body = RequestBody(receive, found.length, self.budget, keep)
        if TUNNEL_KEY in scope:
            found.parts += (b"connection: Upgrade\r\nupgrade: websocket\r\n",)
            found.lines += 2
        head = self._head(scope, found)
        call = Call(scope, send, head, self._last_line(found.call_method, match), body, router.slots(backend))
        call.tunnel = scope.get(TUNNEL_KEY)
        if split.has_shadows and call.tunnel is None:
            self._plan_shadows(call, split.shadows(shard_key, self._rng), found.chunked)
        call.expects = found.expects
        return call

    def _head(self, scope: Scope, found: Inbound) -> bytes:
        if found.host is None:
            server = scope.get("server") or ("localhost", None)
            found.host = str(server[0]).encode("ascii", "replace")
        query = scope["query_string"]
        where = target(scope["path"], scope.get("raw_path"), query)
        return write_request(scope["method"], where, found, self._origin_line(scope))

    def _origin_line(self, scope: Scope) -> bytes:
        origin = scope.get("client"), scope["scheme"], scope.get("server")
        try:
            line = self._origins.get(origin)
        except TypeError:  # a middleware has put lists there
            return origin_line(Origin(*origin))
        if line is None:
            if len(self._origins) >= _CACHE_LIMIT:
                self._origins.clear()  # most of its clients are gone
            line = self._origins[origin] = origin_line(Origin(*origin))
        return line

    def _last_line(self, call_method: str | None, match: Match) -> bytes:
        root = self._root_path + match.root_path
        if call_method or match.path_params:
            return call_line(Routed(call_method or "", root, match.path_params))
        line = self._last_lines.get(root)
        if line is None:
            line = call_line(Routed("", root, {}))
            if len(self._last_lines) < _CACHE_LIMIT:
                self._last_lines[root] = line
        return line

    def _plan_shadows(self, call: Call, backends: tuple[str, ...], chunked: bool) -> None:
        if not backends:
            return

        def send_shadows() -> None:
            whole = call.sent and (call.body is None or call.body.done)
            data = None if not whole else b"" if call.body is None else call.body.copy()
            for backend in backends:
                if data is None:
                    self._shadows.drop(backend)
                    continue
                framed = frame(data, chunked, True) if call.body is not None else b""
                self._shadows.submit(
                    self._router.slots(backend), ShadowRequest(call.head, call.last_line, framed, call.is_head)
                )

        call.on_sent = send_shadows

    async def _report(self, scope: Scope, send: Send, error: RayServeException, request_id: bytes | None) -> None:
        status, text, headers = error_reply(error, request_id)
        self._counters.errors[status] += 1
        if status != 503:
            said = f"{scope['method']} {scope['path']!r}: {status} {text.decode()}"
            self._seldom.warn(f"{status} {type(error).__name__}", said)
        await reply(send, status, text, TEXT, headers)

    async def _own_page(self, scope: Scope, send: Send, path: str) -> None:
        if path == "*":
            await reply(send, 200, b"")
        elif path == "/-/routes":
            await reply(send, 200, self._router.routes.page(), JSON)
        elif path == "/-/healthz":
            await reply(send, 200, b"success")
        else:
            await reply(send, 404, f"System path {path!r} not found".encode("utf-8", "replace"))


def _is_below(path: str, root: str) -> bool:
    return path.startswith(root) and (len(path) == len(root) or path[len(root)] == "/")


def _is_lost(scope: Scope) -> bool:
    connection = scope.get(SCOPE_KEY)
    return connection is not None and connection.lost
