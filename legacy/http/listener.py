"""A listening socket that answers every connection, however few descriptors are left: none is just cut.

The loops' own servers do not know how: without a descriptor, uvloop's accepts a connection only to close it, asyncio's
stops for a second. So connections are accepted here. The last descriptors are kept for those who are told to come back,
and some of them held, in case user code takes all; while too many of these are still there, the next ones wait in the
kernel's queue. Connections whose TLS handshake is not over are bounded, since they cost more than any others.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from collections.abc import Callable
from functools import partial
from typing import Any

from legacy.http.admission import LINGER_S, NO_DESCRIPTORS, Turned, has_room, limit, spare
from legacy.http.reserve import Reserve
from legacy.seldom import Seldom

LOOK_S = 0.05  # between two looks whether connections can be accepted again
AT_ONCE = 64  # connections, before others of the loop have their turn
MOST_ARRIVING = 512  # in their handshake; of 55 KB each


class Listener:
    """Accepts connections. One event loop.

    Args:
        sock: bound; closed with the listener.
        protocol: makes what serves a connection.
        refusal: what those are told who are turned away.
        refuse_asked: only when they have asked for something.
        owed: how many descriptors those who were let in may still need, and with them as many more as it is told.
        tls: None for connections without.
        handshake_s: how long its handshake may take.
    """

    def __init__(
        self,
        sock: socket.socket,
        protocol: Callable[[], asyncio.Protocol],
        refusal: bytes,
        refuse_asked: bool = False,
        owed: Callable[[int], int] = lambda coming: 0,
        tls: ssl.SSLContext | None = None,
        handshake_s: float = LINGER_S,
    ) -> None:
        self._sock = sock
        # With TLS one is made only when the handshake is over, for strangers none.
        self._protocol = protocol if tls is None else lambda: Door(lambda transport: protocol())
        self._turned: Callable[[], Turned] = lambda: Turned(refusal, refuse_asked, self._leaving)
        self._owed = owed
        self._tls = tls
        self._handshake_s = handshake_s
        self._leaving: set[Turned] = set()
        self._arriving: dict[asyncio.Task[Any], None] = {}  # the oldest first
        self._reserve = Reserve(max(1, spare(limit()) // 4))
        self._looking: asyncio.TimerHandle | None = None
        self._seldom = Seldom()
        self._backlog = 0

    def open(self, backlog: int) -> None:
        """Accept connections from now on.

        Args:
            backlog: how many may wait in the kernel's queue.

        Raises:
            OSError: it cannot listen.
        """
        self._backlog = backlog
        self._sock.setblocking(False)
        self._sock.listen(backlog)
        self._reserve.fill()
        self._accept_here()

    def close(self) -> None:
        """Accept no more; connections stay as they are, but for those who arrive or are turned away."""
        if not self._is_open():
            return
        self._rest()
        self._sock.close()
        self._reserve.empty()
        for task in self._arriving:
            task.cancel()
        for turned in list(self._leaving):
            turned.end()

    def judge(self, descriptor: int) -> asyncio.Protocol:
        """What serves a connection with that descriptor: its own protocol, or one that says goodbye."""
        if self._has_room(descriptor):
            return self._protocol()
        self._seldom.warn("descriptors", f"no descriptors are left of {limit()}: connections are turned away")
        return self._turned()

    def _is_open(self) -> bool:
        return self._sock.fileno() >= 0

    def _has_room(self, descriptor: int) -> bool:
        return has_room(descriptor, self._owed(len(self._arriving) + 1), limit())

    def _accept_here(self) -> None:
        asyncio.get_running_loop().add_reader(self._sock, self._accept)

    def _rest(self) -> None:
        """Accept nothing, and do not look whether that can be done again."""
        asyncio.get_running_loop().remove_reader(self._sock)
        if self._looking is not None:
            self._looking.cancel()

    def _accept(self) -> None:
        for _ in range(AT_ONCE):
            try:
                sock, was_held = self._next()
            except ConnectionAbortedError:  # it has gone already
                continue
            except (BlockingIOError, InterruptedError):
                self._reserve.fill()
                return
            except OSError as error:
                self._seldom.warn("accept", f"no connection can be accepted: {error}")
                self._pause()
                return
            self._receive(sock, self._turned() if was_held else self.judge(sock.fileno()))
            if self._leaving and self._is_full():
                self._pause()
                return

    def _next(self) -> tuple[socket.socket, bool]:
        """The connection that waits longest, and whether it has a descriptor that was held for those turned away."""
        if self._reserve.fill():
            try:
                return self._sock.accept()[0], False
            except OSError as error:
                if error.errno not in NO_DESCRIPTORS:
                    raise
        self._seldom.warn("held", "this process has used all its descriptors: connections are turned away")
        if not self._reserve.give_up():
            raise OSError(errno.EMFILE, "no descriptor is left for it")
        return self._sock.accept()[0], True

    def _receive(self, sock: socket.socket, protocol: asyncio.Protocol) -> None:
        sock.setblocking(False)
        loop = asyncio.get_running_loop()
        further: dict[str, Any] = {}
        if self._tls is not None:
            wait_s = LINGER_S if isinstance(protocol, Turned) else self._handshake_s
            further = {"ssl": self._tls, "ssl_handshake_timeout": wait_s}
        task = loop.create_task(loop.connect_accepted_socket(lambda: protocol, sock, **further))
        self._arriving[task] = None
        task.add_done_callback(partial(self._received, sock, protocol))
        if len(self._arriving) > MOST_ARRIVING:
            oldest = next(iter(self._arriving))
            del self._arriving[oldest]  # else the next one that comes would find it again: it ends a moment later
            oldest.cancel()

    def _received(self, sock: socket.socket, protocol: asyncio.Protocol, task: asyncio.Task[Any]) -> None:
        self._arriving.pop(task, None)
        error = None if task.cancelled() else task.exception()
        if error is None and not task.cancelled():
            return
        sock.close()
        if isinstance(protocol, Turned):
            self._leaving.discard(protocol)
        if error is not None and not isinstance(error, OSError):  # it has gone, or knows no TLS
            task.get_loop().call_exception_handler({"message": "a connection failed", "exception": error})

    def _is_full(self) -> bool:
        return len(self._leaving) >= max(1, spare(limit()) // 2)

    def _pause(self) -> None:
        self._rest()
        self._look_later()

    def _look_later(self) -> None:
        self._looking = asyncio.get_running_loop().call_later(LOOK_S, self._look_whether_it_is_full)

    def _look_whether_it_is_full(self) -> None:
        try:
            for turned in list(self._leaving):
                turned.hurry()
            full = self._is_full()
        except Exception:  # whatever it was, it must not close the port for good
            self._seldom.failed("a full port's look for room")
            full = True
        if full:
            self._look_later()
        else:
            self._accept_here()


class Door(asyncio.Protocol):
    """Stands for a protocol until the connection is made, since only then it can be chosen.

    Args:
        choose: gives it for the transport.
    """

    def __init__(self, choose: Callable[[Any], asyncio.Protocol]) -> None:
        self._choose = choose

    def connection_made(self, transport: Any) -> None:
        """Put the chosen protocol in its own place."""
        chosen = self._choose(transport)
        transport.set_protocol(chosen)
        chosen.connection_made(transport)
