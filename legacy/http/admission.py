"""Who is let in while the process has few descriptors left, and what is said to the others."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import resource
from typing import Any

SPARE = 32  # descriptors that no client gets; where there are few, an eighth of them
LINGER_S = 2.0  # how long who is turned away may take to ask, to read the answer and to close
READ_S = 0.1  # how long an answer has to be read at least
NO_DESCRIPTORS = (errno.EMFILE, errno.ENFILE)


def limit() -> int:
    """How many descriptors this process may have open."""
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return 2**31 if soft == resource.RLIM_INFINITY else soft


def raise_limit() -> None:
    """Allow this process as many descriptors as it may allow itself."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):  # more than the kernel knows
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def spare(most: int) -> int:
    """How many of `most` descriptors are kept back."""
    return min(SPARE, most // 8)


def has_room(descriptor: int, owed: int, most: int) -> bool:
    """Whether a connection may stay.

    Args:
        descriptor: its number. The kernel gives out the lowest free one, so all below it are in use.
        owed: how many those who were let in, this one included, may still need.
        most: the limit.
    """
    return descriptor + owed < most - spare(most)


class Turned(asyncio.Protocol):
    """A connection that is told to come back. Closing it right then, perhaps unread, could destroy the answer.

    Args:
        answer: what it is told.
        asked: only when it has asked for something: a proxy expects no byte before.
        others: those like it; it leaves them when it ends.
    """

    def __init__(self, answer: bytes, asked: bool, others: set[Turned]) -> None:
        self._answer = answer
        self._asked = asked
        self._others = others
        self._transport: Any = None
        self._answered_at: float | None = None
        others.add(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        asyncio.get_running_loop().call_later(LINGER_S, self.end)
        if not self._asked:
            self._say()

    def data_received(self, data: bytes) -> None:
        if self._answered_at is None:
            self._say()

    def connection_lost(self, exc: Exception | None) -> None:
        self._others.discard(self)

    def hurry(self) -> None:
        """Somebody waits for its descriptor: end it if it has had time to read its answer."""
        if self._answered_at is not None and asyncio.get_running_loop().time() - self._answered_at >= READ_S:
            self.end()

    def end(self) -> None:
        """Close it now; more than once is fine."""
        self._others.discard(self)
        if self._transport is not None:
            self._transport.abort()

    def _say(self) -> None:
        self._answered_at = asyncio.get_running_loop().time()
        self._transport.write(self._answer)
        if self._transport.can_write_eof():
            self._transport.write_eof()
