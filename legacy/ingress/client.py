"""A client's connection: the guarded HTTP/1.1, and websockets that become a tunnel to a replica."""

from __future__ import annotations

from typing import Any

from legacy.http.cycle import Cycle
from legacy.http.guard import GuardProtocol
from legacy.http.limits import Limits
from legacy.ingress.tunnel import SCOPE_KEY, Tunnel, UpgradeCycle


class ClientProtocol(GuardProtocol):
    """One client connection."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._tunnel: Tunnel | None = None  # a websocket's handshake is going on

    def make_cycle(self, scope: Any, keep_alive: bool) -> Cycle:
        """A handshake for a websocket, which is not uvicorn's own; else a request."""
        if not self.parser.should_upgrade() or self._get_upgrade() != b"websocket":
            return super().make_cycle(scope, keep_alive)
        wanted = b",".join(value for name, value in self.headers if name == b"sec-websocket-protocol")
        scope["subprotocols"] = [name.strip() for name in wanted.decode("latin-1").split(",") if name.strip()]
        scope["type"] = "websocket"
        scope["scheme"] = "wss" if self.scheme == "https" else "ws"
        cycle = UpgradeCycle(self, scope)
        scope[SCOPE_KEY] = self._tunnel = Tunnel(cycle, self)
        return cycle

    def let_go(self) -> None:
        """The connection is over, or the tunnel's."""
        super().let_go()
        tunnel, self._tunnel = self._tunnel, None
        if tunnel is not None:
            tunnel.cycle.scope.pop(SCOPE_KEY, None)

    def on_foreign(self, data: bytes) -> None:
        """Bytes behind the end of HTTP belong to the tunnel, if there is one."""
        if self._tunnel is not None:
            self._tunnel.feed(data)


def client_protocol(limits: Limits) -> type[ClientProtocol]:
    """A protocol class with other limits than the usual ones."""
    return type("ClientProtocol", (ClientProtocol,), {"LIMITS": limits})
