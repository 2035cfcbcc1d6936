"""The body of a client's request on its way to a replica: read early, framed anew, and remembered while it is small."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from legacy.constants import WHOLE_BYTES
from legacy.ingress.budget import SMALL, Share, no_room

REPLAY_BYTES = 64 * 1024  # what is kept of a sent body, in case the replica refuses it unread
COPY_BYTES = 1024 * 1024  # the largest body a shadow gets
PIECE = 256 * 1024  # about what is sent at once

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


class ClientGoneError(Exception):
    """The client left before its request was complete."""


class RequestBody:
    """Reads the client's body once, however often it has to be sent. `close` must follow.

    Args:
        receive: of the ASGI request.
        length: the declared length in bytes, or None for a chunked body.
        share: the bytes that may be held of all bodies.
        keep: how many bytes to remember: `REPLAY_BYTES`, or `COPY_BYTES` when shadows want a copy.

    Attributes:
        streams: it is too long to be read as a whole before a replica is taken.
        held: bytes of the share that are to be given back.
        replayable: everything read so far is remembered, so that another replica can be sent the whole.
        done: all of it has been read from the client.
        at_end: the present attempt has been given all of it.
    """

    _position = 0  # how many pieces the present attempt has been given
    _size = 0
    held = 0
    replayable = True
    done = at_end = False

    def __init__(self, receive: Receive, length: int | None, share: Share, keep: int = REPLAY_BYTES) -> None:
        self._receive = receive
        self._length = length
        self._share = share
        self._keep = keep
        self._pieces: list[bytes] = []
        self.streams = length is not None and length > WHOLE_BYTES

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

    def received(self) -> int:
        """How many bytes have come."""
        return self._size

    def close(self) -> None:
        """Give back what is held; nothing can be read or sent any more."""
        self._pieces = []
        if self.held:
            self._share.give_back(self.held)
            self.held = 0

    async def prefetch(self) -> None:
        """Read the body before a replica is taken, so that a slow client occupies none.

        Of a body that `streams` it is the beginning; so it is of one that does not fit into the half of the share which
        long bodies may fill: room for the beginnings of others is left.

        Raises:
            ClientGoneError: the client left, or sent less or more than it declared.
            QueueFullError: the beginning does not fit. Of a length that is known it is said before anything is read.
        """
        length, share = self._length, self._share
        if length is not None and length > SMALL and share.used + min(length, PIECE) > share.limit:
            raise no_room(share)
        while not self.done and not (self.streams and self._size >= REPLAY_BYTES):
            size = await self._read()
            if not self.done or self._size > SMALL:
                self._hold(size)

    async def next(self) -> bytes:
        """The next piece, framed for the replica; after the last one `at_end` is true. Errors as `prefetch`."""
        if self._position == len(self._pieces) and not self.done:
            size = await self._read()
            if self._size > self._keep or not self._share.take(size):
                self._keep = 0
            else:
                self.held += size
        if self._size <= PIECE:
            data = b"".join(self._pieces[self._position :])
            self._position = len(self._pieces)
            self.at_end = self.done
        else:
            data = self._following()
            self.at_end = self.done and self._position == len(self._pieces)
        if self._size > self._keep:
            self._drop_given()
        return frame(data, self._length is None, self.at_end)

    def _hold(self, size: int) -> None:
        """Count a piece that was read before there is a replica."""
        share = self._share
        fits = self._size <= WHOLE_BYTES and share.take(size, share.limit // 2 if self._size > PIECE else 0)
        if not fits:
            self.streams = self._size > PIECE
            if not self.streams or not share.take(size):
                raise no_room(share)
        self.held += size

    def _following(self) -> bytes:
        pieces, begin = self._pieces, self._position
        end, size = begin, 0
        while end < len(pieces) and size < PIECE:
            size += len(pieces[end])
            end += 1
        self._position = end
        return b"".join(pieces[begin:end])

    def _drop_given(self) -> None:
        self._pieces = self._pieces[self._position :]
        self._position = 0
        self.replayable = False
        left = sum(map(len, self._pieces))
        self._share.give_back(self.held - left)
        self.held = left

    async def _read(self) -> int:
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
        return len(data)


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
