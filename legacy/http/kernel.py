"""What the kernel knows and does about a client's connection."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import socket
import struct
import termios

_CLOSE = 7  # the state of a TCP connection that is over
_KEEP_ALIVE = {"TCP_KEEPIDLE": 5, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 4}  # seconds, seconds, times


def unacknowledged(transport: asyncio.Transport) -> int:
    """Bytes written to the connection that the peer's kernel has not taken yet; 0 where nobody knows."""
    with contextlib.suppress(OSError):  # the connection is just being closed
        answer = fcntl.ioctl(transport.get_extra_info("socket").fileno(), termios.TIOCOUTQ, bytes(4))
        return int(struct.unpack("i", answer)[0])
    return 0


def is_closed(transport: asyncio.Transport) -> bool:
    """Whether the peer has reset the connection, which a loop that does not read from it is not told."""
    with contextlib.suppress(OSError):  # a unix socket, or it is just being closed
        return bool(transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == _CLOSE)
    return True


def watch_peer(transport: asyncio.Transport) -> None:
    """Let the kernel ask the peer's now and then, so that a machine that has vanished is found out."""
    sock = transport.get_extra_info("socket")
    with contextlib.suppress(OSError):  # a unix socket, or it is just being closed
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _KEEP_ALIVE.items():
            if hasattr(socket, name):
                sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
