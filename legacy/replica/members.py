"""A replica's TCP port: proxies of the instance, on other nodes, are served; everybody in the network may knock.

Who has not shown the instance's secret has no effect and costs little: a head of bounded size for a bounded time, and
all such heads together have a limit too. A proxy has judged its clients already; that the same limits hold here, a
little wider for the lines it adds, is for the day somebody learns the secret.
"""

from __future__ import annotations

import asyncio
import dataclasses
import hmac
from typing import Any

from legacy.http.contract import STRANGER, take_secret
from legacy.http.guard import GuardProtocol
from legacy.http.limits import Limits

MOST_STRANGERS = 2048  # more than proxies connect at the same moment, each of them a stranger until it is read
MOST_BYTES = 8 * 2**20  # of their unfinished heads
KEEP_ALIVE_S = 90  # longer than the 30 s proxies keep an idle connection, so that the proxy closes first

LINES = 8  # header lines that a proxy adds to those of its client, and their bytes
LINES_BYTES = 2048


def member_limits(clients: Limits) -> Limits:
    """What a proxy may do whose own clients have these limits."""
    return dataclasses.replace(
        clients,
        head_s=Limits.head_s,  # a proxy has all of it
        body_idle_s=2 * clients.body_idle_s,  # a proxy gives up a client that stops sending before we give up the proxy
        write_idle_s=float("inf"),  # a proxy reads as slowly as its client, and knows how slow that may be
        keep_alive_s=KEEP_ALIVE_S,
        head_bytes=clients.head_bytes + LINES_BYTES + _call_bytes(clients),
        headers=clients.headers + LINES,
    )


def _call_bytes(limits: Limits) -> int:
    """Of the last line, which holds parts of the path, quoted once more."""
    return 6 * limits.target_bytes


class Members:
    """Who is let in: connections that show the secret, and for a while those that have shown nothing yet."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()
        self._strangers: dict[MemberProtocol, int] = {}  # the oldest first; bytes of their unfinished heads

    def knocks(self, connection: MemberProtocol) -> None:
        """A new connection; when there are too many like it, the oldest one goes."""
        self._strangers[connection] = 0
        if len(self._strangers) > MOST_STRANGERS:
            self._drop(next(iter(self._strangers)))

    def holds(self, connection: MemberProtocol, size: int) -> None:
        """So many bytes of a head are kept; when all keep too much, the one with the most goes."""
        if connection in self._strangers:
            self._strangers[connection] = size
            if sum(self._strangers.values()) > MOST_BYTES:
                self._drop(max(self._strangers, key=self._strangers.__getitem__))

    def knows(self, connection: MemberProtocol, secret: bytes) -> bool:
        """Whether that is the secret; then the connection counts as a stranger's no more."""
        if not self._secret or not hmac.compare_digest(secret, self._secret):
            return False
        self.leaves(connection)
        return True

    def leaves(self, connection: MemberProtocol) -> None:
        """The connection is no stranger's any more."""
        self._strangers.pop(connection, None)

    def _drop(self, connection: MemberProtocol) -> None:
        del self._strangers[connection]
        connection.transport.abort()


class MemberProtocol(GuardProtocol):
    """One connection to the port. `LIMITS` is another one for each port."""

    def __init__(self, members: Members, *args: Any) -> None:
        super().__init__(*args)
        self._members = members

    # asyncio

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._members.knocks(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._members.leaves(self)
        super().connection_lost(exc)

    def eof_received(self) -> bool:  # type: ignore[override]
        return False  # proxies never close one side only: it has gone

    # the parser

    def on_headers_complete(self) -> None:
        if not self._members.knows(self, take_secret(self.headers)):
            self._stop(403, STRANGER)
        limits = self.LIMITS
        most = limits.head_bytes - _call_bytes(limits)
        if self._head_bytes + self._segment > most:
            self._check_size(self.head_size(self.headers[:-1]), dataclasses.replace(limits, head_bytes=most))
        super().on_headers_complete()

    def on_upgrade(self, data: bytes) -> None:
        """A websocket goes on as it does on the unix socket: a proxy sends nothing before it is agreed."""
        if self._should_upgrade():
            self.handle_websocket_upgrade()

    def _check_unfinished(self) -> None:
        super()._check_unfinished()
        self._members.holds(self, self._head_bytes)

    def _write_refusal(self) -> None:
        super()._write_refusal()
        self.flow.pause_reading()  # it is not worth reading until the refusal has arrived
        if self._in_head:  # nor is it worth waiting: the kernel would take megabytes meanwhile
            self.transport.abort()


def member_protocol(limits: Limits) -> type[MemberProtocol]:
    """The protocol class of a port."""
    return type("MemberProtocol", (MemberProtocol,), {"LIMITS": limits})
