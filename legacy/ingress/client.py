"""A client's connection: the guarded HTTP/1.1, and websockets that become a tunnel to a replica.

What it has received belongs into the budget before anybody looks at it: while the proxy has much to do, connections
pile up, and all are read before the first task runs. Of a body nothing more is read than somebody asks for.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from legacy.constants import FEW, SMALL
from legacy.http.cycle import Cycle
from legacy.http.guard import GuardProtocol
from legacy.http.limits import Limits
from legacy.http.refusal import Refusal
from legacy.ingress.budget import LINE_COST, WAITING_COST, Arrived, Share, no_room
from legacy.ingress.forwarded import put_right, take_over
from legacy.ingress.tunnel import SCOPE_KEY, Tunnel, UpgradeCycle
from legacy.trusted import Trusted


class ClientProtocol(GuardProtocol):
    """One client connection. `TRUSTED` may differ in a subclass, as `LIMITS` may.

    Args:
        share: where what it has received is counted until somebody asks for it.
    """

    TRUSTED = Trusted()
    arriving: Arrived | None

    def __init__(self, *args: Any, share: Share, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._share = share
        self._tunnel: Tunnel | None = None  # a websocket's handshake is going on

    def make_upgrade_cycle(self, scope: Any, keep_alive: bool) -> Cycle:
        """A handshake for a websocket, which is not uvicorn's own; else a request."""
        if self._get_upgrade() != b"websocket":
            return super().make_upgrade_cycle(scope, keep_alive)
        wanted = b",".join(value for name, value in self.headers if name == b"sec-websocket-protocol")
        scope["subprotocols"] = [name.strip() for name in wanted.decode("latin-1").split(",") if name.strip()]
        scope["type"] = "websocket"
        scope["scheme"] = "wss" if scope["scheme"] in ("https", "wss") else "ws"
        cycle = UpgradeCycle(self, scope)
        scope[SCOPE_KEY] = self._tunnel = Tunnel(cycle, self)
        return cycle

    def on_part_of_head(self, size: int) -> None:
        """Count a long head while it comes, as it is and as it will be sent."""
        cost = self._cost(size)
        if cost:
            self.arriving = self.arriving or Arrived(self._share)
            if not self.arriving.has_room_for_head(cost):
                self.arriving.close()
                raise self._full()

    def on_costly_head(self) -> None:
        """Count a head that is long, or waits behind another request."""
        cost = self._cost(self.head_size(self.headers)) + (WAITING_COST if self.running is not None else 0)
        if cost:
            self.arriving = self.arriving or Arrived(self._share)
            if not self.arriving.has_room_for_head(cost):
                self.arriving.close()
                self._refusal = self._full()
                raise self._refusal

    def on_held(self, cycle: Cycle, held: int) -> None:
        """Count what nobody has asked for; what goes to a replica already is bounded by the number of places."""
        if self.connection.streamed is None or cycle is not self.running:
            arrived = cycle.held if isinstance(cycle.held, Arrived) else Arrived(self._share)
            cycle.held = arrived
            if not arrived.has_room_for_body(held):
                cycle.fail(partial(no_room, self._share))
        self._holds = True

    def on_segment_held(self) -> None:
        """Read no more of a body until somebody asks for it; behind a whole one only the client's end can come."""
        if self.cycle is not None and self.cycle.more_body and not self.cycle.response_complete:
            self.flow.pause_reading()

    def on_part_read(self) -> None:
        """The same for what comes between two questions."""
        self.flow.pause_reading()

    def _cost(self, size: int) -> int:
        """Bytes that a head of that size takes, as it is and as it will be sent; 0 for a usual one."""
        lines = len(self.headers)
        return 2 * size + LINE_COST * lines if size > SMALL or lines > FEW else 0

    def _full(self) -> Refusal:
        return Refusal(503, f"QueueFullError: {no_room(self._share)}")

    def let_go(self) -> None:
        """The connection is over, or the tunnel's."""
        super().let_go()
        if self.arriving is not None:
            self.arriving.close()
        tunnel, self._tunnel = self._tunnel, None
        if tunnel is not None:
            tunnel.cycle.scope.pop(SCOPE_KEY, None)

    def on_foreign(self, data: bytes) -> None:
        """Bytes behind the end of HTTP belong to the tunnel, if there is one."""
        if self._tunnel is not None:
            self._tunnel.feed(data)

    def on_forwarding(self) -> None:
        """Before a middleware looks: the scope says who asks, and no header says anything else."""
        if (self.client[0] if self.client else None) in self.TRUSTED:
            take_over(self.scope, self.TRUSTED)
        else:
            put_right(self.scope)


def client_protocol(limits: Limits, trusted: Trusted) -> type[ClientProtocol]:
    """A protocol class with other limits and trusted peers than the usual ones."""
    return type("ClientProtocol", (ClientProtocol,), {"LIMITS": limits, "TRUSTED": trusted})
