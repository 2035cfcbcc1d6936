"""The listening socket of a proxy, the middlewares around its app, and the look after all its connections."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from email.utils import formatdate
from typing import Any

from uvicorn import Config
from uvicorn.server import ServerState

from legacy.http.head import whole_answer
from legacy.http.limits import Limits
from legacy.ingress.budget import Share
from legacy.ingress.client import ClientProtocol, client_protocol
from legacy.ingress.loop_listener import LoopListener
from legacy.seldom import Seldom
from legacy.trusted import Trusted

BACKLOG = 2048
CLOSING_S = 5.0  # how long requests in progress are given when the proxy stops
_LOOK_S = 0.01
_FULL = whole_answer(503, "No more connections can be served just now; try again.", (b"retry-after", b"1"))


class AddressError(OSError, ValueError):
    """HTTP cannot listen there: an OSError as in Ray 0.8-1.7, and a ValueError as in later releases."""


class HostError(AddressError, socket.gaierror):
    """The host does not exist."""


def bind(host: str, port: int) -> socket.socket:
    """A socket bound to the address; port 0 chooses a free one.

    Raises:
        AddressError: (an OSError and ValueError) it cannot be bound; the text names the address and the remedy.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        sock = socket.socket(family, kind, protocol)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(address)
        except OSError:
            sock.close()
            raise
    except OSError as error:
        text = (
            f"the HTTP proxy cannot listen on {host}:{port}: {error.strerror or error}. Stop what uses that address, "
            "or choose another one with http_options={'host': ..., 'port': ...}"
        )
        refused = HostError if isinstance(error, socket.gaierror) else AddressError
        raise refused(error.errno, text) from error
    return sock


def wrap(app: Any, middlewares: list[Any]) -> Any:
    """The app inside Starlette `Middleware` objects, in list order: the last one is outermost.

    Middleware objects of Starlette before 0.35 carry `options`, later ones `args` and `kwargs`; both are understood.
    """
    for middleware in middlewares:
        options = getattr(middleware, "options", None)
        if options is None:
            app = middleware.cls(app, *middleware.args, **middleware.kwargs)
        else:
            app = middleware.cls(app, **options)
    return app


class Front:
    """Serves an ASGI app to clients. All methods run on one loop.

    Args:
        app: the proxy's app, with its middlewares.
        share: where is counted what has come and nobody has asked for.
        limits: what clients may do.
        upstreams: how many connections to replicas are open.
        trusted: the peers that are believed when they say for whom they ask.
        user_code: whether the middlewares are a user's, who may take all descriptors at once: the event loop would cut
            connections then.
    """

    def __init__(
        self,
        app: Any,
        share: Share,
        limits: Limits | None = None,
        upstreams: Callable[[], int] = lambda: 0,
        trusted: Trusted | None = None,
        user_code: bool = False,
    ) -> None:
        self._share = share
        self._upstreams = upstreams
        self._user_code = user_code
        self._limits = limits or Limits()
        self._protocol = client_protocol(self._limits, trusted or Trusted())
        self._state = ServerState()
        self._seldom = Seldom()
        self._listener: LoopListener | None = None
        self._config = Config(
            app,
            http=self._protocol,
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            timeout_keep_alive=int(self._limits.keep_alive_s),
        )
        self._config.load()

    async def start(self, sock: socket.socket) -> tuple[str, int]:
        """Accept connections; the address is returned."""
        loop = asyncio.get_running_loop()
        self.tick(loop.time())
        config, state, protocol, share = self._config, self._state, self._protocol, self._share
        self._listener = LoopListener(
            sock, lambda: protocol(config, state, {}, loop, share=share), _FULL, owed=self._owed
        )
        self._listener.open(BACKLOG)
        self._look()
        host, port = sock.getsockname()[:2]
        return str(host), int(port)

    def tick(self, now: float) -> None:
        """Renew the Date header, look at every connection's deadline and whether more can come.

        At least every `limits.tick_s` seconds.

        Args:
            now: loop time.
        """
        date = formatdate(time.time(), usegmt=True).encode("ascii")
        self._state.default_headers = [(b"date", date)]
        for connection in list(self._state.connections):
            if isinstance(connection, ClientProtocol):
                try:
                    connection.look(now)
                except Exception:  # one connection's trouble must not keep the others from their deadlines
                    self._seldom.failed("the look at a client's connection")
        self._look()

    def _look(self) -> None:
        if self._listener is not None and not self._user_code:
            self._listener.look()

    def _owed(self, coming: int) -> int:
        """Each client may need a connection to a replica, those that come now too."""
        return max(0, len(self._state.connections) + coming - self._upstreams())

    async def stop(self, patience_s: float = CLOSING_S) -> None:
        """Accept no more, let requests in progress end for `patience_s` seconds, then cut what is left."""
        if self._listener is not None:
            self._listener.close()
        for connection in list(self._state.connections):
            connection.shutdown()
        for _ in range(round(patience_s / _LOOK_S)):
            if not self._state.connections:
                return
            await asyncio.sleep(_LOOK_S)
        for connection in list(self._state.connections):
            transport = getattr(connection, "transport", None)
            if transport is not None:
                transport.abort()
