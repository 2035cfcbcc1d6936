"""A proxy's front, app and pool with fake replicas on unix sockets, all in one process and on one loop."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import random
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from uvicorn import Config
from uvicorn.server import ServerState

from legacy.generations import DEPLOYMENT, V1_4
from legacy.http.limits import Limits, limits_of
from legacy.http.protocol import CancellingProtocol
from legacy.http_options import HTTPOptions
from legacy.ingress.app import ProxyApp
from legacy.ingress.front import Front, bind, wrap
from legacy.ingress.pool import Pool
from legacy.records import BackendView, Endpoint, ReplicaAddress, Update
from legacy.replica.server import WEBSOCKETS, ReplicaServer
from legacy.traffic.router import Router
from legacy.trusted import peers

METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH")
NODE = "this-node"
ANOTHER_NODE = "another-node"
SECRET = "a-secret"

Handler = Callable[["Seen", Any, Any], Awaitable[None]]


@dataclass
class Seen:
    """A request as a replica saw it."""

    replica: str
    method: str
    target: bytes
    headers: list[tuple[bytes, bytes]]
    scope: dict[str, Any]
    body: bytes = b""


@dataclass
class Stage:
    """Everything a test may look at."""

    front: Front
    app: ProxyApp
    pool: Pool
    router: Router
    address: tuple[str, int]
    seen: list[Seen] = field(default_factory=list)
    servers: dict[str, asyncio.AbstractServer] = field(default_factory=dict)
    states: dict[str, ServerState] = field(default_factory=dict)
    opened: list[asyncio.StreamWriter] = field(default_factory=list)
    version: int = 1

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A new client connection, which the stage closes in the end if the test does not."""
        reader, writer = await asyncio.open_connection(*self.address)
        self.opened.append(writer)
        return reader, writer

    async def ask(self, data: bytes) -> bytes:
        """Send a request on a new connection and return all that comes until the server closes."""
        reader, writer = await self.connect()
        writer.write(data)
        answer = await asyncio.wait_for(reader.read(), 20)
        writer.close()
        return answer

    async def get(self, path: str = "/echo") -> bytes:
        """The answer to a plain GET on a new connection."""
        return await self.ask(b"GET %b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % path.encode())

    def kill(self, tag: str) -> None:
        """Let a replica die: nobody listens any more and all its connections are cut."""
        self.servers[tag].close()
        state = self.states.get(tag)
        for connection in list(state.connections) if state else ():
            connection.transport.abort()

    def in_flight(self, backend: str = "b") -> int:
        """Slots taken at the backend's replicas."""
        return self.router.slots(backend).total_in_flight

    @property
    def clients(self) -> int:
        """How many are connected."""
        return len(self.front._state.connections)

    async def until(self, condition: Callable[[], bool], timeout_s: float = 5.0) -> None:
        """Wait until the loop has brought the condition about."""
        for _ in range(int(timeout_s / 0.001)):
            if condition():
                return
            await asyncio.sleep(0.001)
        raise AssertionError(f"not within {timeout_s} s")


async def echo(seen: Seen, receive: Any, send: Any) -> None:
    """Answer with the request's method, target and body."""
    more = True
    while more:
        message = await receive()
        seen.body += message.get("body", b"")
        more = message.get("more_body", False)
    text = b"%b %b %b" % (seen.method.encode(), seen.target, seen.body)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(text))]})
    await send({"type": "http.response.body", "body": text})


def backend(tag: str, replicas: int, limit: int, directory: str, node: str = NODE) -> BackendView:
    """A view whose replicas' sockets are below the directory."""
    names = [f"{tag}#{number}" for number in range(replicas)]
    addresses = [ReplicaAddress(name, tag, node, 1, f"{directory}/{name}.sock") for name in names]
    return BackendView(tag, limit, tuple(addresses))


@contextlib.asynccontextmanager
async def stage(
    handler: Handler = echo,
    replicas: int = 1,
    limit: int = 100,
    limits: Limits | None = None,
    middlewares: tuple[Any, ...] = (),
    shadows: dict[str, float] | None = None,
    node: str = NODE,
    **options: Any,
) -> AsyncIterator[Stage]:
    """A running stage with the endpoints /echo (exact), /t/{x:int} (template) and /p (prefix).

    On another node than `NODE` replicas listen as they do for the proxies of other nodes.
    """
    directory = tempfile.mkdtemp(prefix="stage")
    chosen = HTTPOptions(port=0, **options)
    router, pool = Router(chosen.max_queued_requests, random.Random(1)), Pool(NODE)
    app = ProxyApp(router, pool, chosen, random.Random(2))
    trusted = peers(chosen.trusted_proxies, "")
    limits = limits or limits_of(chosen)
    front = Front(wrap(app, list(middlewares)), app.budget.requests, limits, pool.size, trusted, bool(middlewares))
    shadows = shadows or {}
    made = Stage(front, app, pool, router, await front.start(bind(chosen.host or "", 0)))
    views = {tag: backend(tag, replicas if tag == "b" else 1, limit, directory, node) for tag in ("b", *shadows)}
    for tag, view in views.items():
        addresses = [await _serve(made, handler, address, limits_of(chosen)) for address in view.replicas]
        views[tag] = dataclasses.replace(view, replicas=tuple(addresses))
    endpoints = [
        Endpoint("exact", "/echo", METHODS, {"b": 1.0}, shadows),
        Endpoint("few", "/few", ("GET",), {"b": 1.0}),
        Endpoint("template", "/t/{x:int}", METHODS, {"b": 1.0}, generation=V1_4),
        Endpoint("prefix", "/p", (), {"b": 1.0}, generation=DEPLOYMENT),
    ]
    router.apply(Update("epoch", 1, True, {one.name: one for one in endpoints}, views, SECRET))
    ticker = asyncio.get_running_loop().create_task(_tick(made, limits.tick_s))
    try:
        yield made
    finally:
        ticker.cancel()
        for writer in made.opened:
            writer.close()
        app.close()
        pool.close()
        await front.stop(0.1)
        for tag in made.servers:
            made.kill(tag)
        shutil.rmtree(directory, ignore_errors=True)


async def _serve(made: Stage, handler: Handler, address: ReplicaAddress, clients: Limits) -> ReplicaAddress:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            scope = {**scope, "method": "WEBSOCKET"}
        target = scope["raw_path"] + (b"?" + scope["query_string"] if scope["query_string"] else b"")
        seen = Seen(address.tag, scope["method"], target, scope["headers"], scope)
        made.seen.append(seen)
        await handler(seen, receive, send)

    if address.node_id != NODE:
        server = ReplicaServer(clients)
        server.speaks_websocket = True
        port = await server.serve_tcp(app, "127.0.0.1", SECRET, None)
        made.servers[address.tag], made.states[address.tag] = server._servers[0], server._states[0]
        return dataclasses.replace(address, tcp=("127.0.0.1", port))
    config = Config(app, lifespan="off", log_config=None, ws=WEBSOCKETS, timeout_keep_alive=90)
    config.load()
    state = ServerState()
    loop = asyncio.get_running_loop()
    made.servers[address.tag] = await loop.create_unix_server(
        lambda: CancellingProtocol(config, state, {}, loop), address.unix_path
    )
    made.states[address.tag] = state
    return address


async def _tick(made: Stage, tick_s: float) -> None:
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(tick_s)
        made.front.tick(loop.time())
        made.pool.tick(loop.time())
