"""The body of a client's request on its way to a replica: framed anew, counted, and remembered while it is small."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

REPLAY_BYTES = 64 * 1024  # what is kept of a sent body, in case the replica refuses it unread
COPY_BYTES = 1024 * 1024  # the largest body a shadow gets

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


class ClientGoneError(Exception):
    """The client left before its request was complete."""


class RequestBody:
    """Reads the client's body once, however often it has to be sent.

    Args:
        receive: of the ASGI request.
        length: the declared length in bytes, or None for a chunked body.
        keep: how many bytes to remember: `REPLAY_BYTES`, or `COPY_BYTES` when shadows want a copy.

    Attributes:
        replayable: everything read so far is remembered, so that another replica can be sent the whole.
        done: all of it has been read from the client.
        at_end: the present attempt has been given all of it.
    """

    def __init__(self, receive: Receive, length: int | None, keep: int = REPLAY_BYTES) -> None:
        self._receive = receive
        self._length = length
        self._keep = keep
        self._pieces: list[bytes] = []
        self._position = 0  # how many of them the present attempt has been given
        self._size = 0
        self.replayable = True
        self.done = False
        self.at_end = False

    def rewind(self) -> None:
        """Begin a new attempt from the first byte; only while `replayable`."""
        self._position = 0
        self.at_end = False

    def forget(self) -> None:
        """Stop remembering: what is read from now on is nobody's."""
        self._keep = 0

    def copy(self) -> bytes | None:
        """The whole body; None when it was too long to be kept or has not been read to its end."""
        return b"".join(self._pieces) if self.done and self.replayable else None

    async def prefetch(self) -> None:
        """Read up to 64 KiB before a replica is taken, so that a slow client occupies none while it sends little.

        Raises:
            ClientGoneError: the client left, or sent less or more than it declared.
        """
        while not self.done and self._size < REPLAY_BYTES:
            await self._read()

    async def next(self) -> bytes:
        """The next piece, framed for the replica; after the last one `at_end` is true. Errors as `prefetch`."""
        if self._position == len(self._pieces) and not self.done:
            await self._read()
        data = b"".join(self._pieces[self._position :])
        self._position = len(self._pieces)
        if self._size > self._keep:
            self._pieces = []
            self._position = 0
            self.replayable = False
        self.at_end = self.done
        return frame(data, self._length is None, self.done)

    async def _read(self) -> None:
        message = await self._receive()
        if message["type"] != "http.request":
            raise ClientGoneError
        data: bytes = message.get("body", b"")
        self._size += len(data)
        self.done = not message.get("more_body", False)
        declared = self._length
        if declared is not None and (self._size > declared or (self.done and self._size < declared)):
            raise ClientGoneError
        if data:
            self._pieces.append(data)


def frame(data: bytes, chunked: bool, last: bool) -> bytes:
    """A piece of a body as it goes over the wire.

    Args:
        chunked: as a chunk; False for a body whose length was declared.
        last: no more follows.
    """
    if not chunked:
        return data
    chunk = b"%x\r\n%b\r\n" % (len(data), data) if data else b""
    return chunk + b"0\r\n\r\n" if last else chunk
