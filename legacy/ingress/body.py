"""The body of a client's request on its way to a replica: read early, framed anew, and remembered while it is small."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from legacy.constants import WHOLE_BYTES
from legacy.ingress.budget import Share, no_room

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
        replayable: everything read so far is remembered, so that another replica can be sent the whole.
        done: all of it has been read from the client.
        at_end: the present attempt has been given all of it.
    """

    def __init__(self, receive: Receive, length: int | None, share: Share, keep: int = REPLAY_BYTES) -> None:
        self._receive = receive
        self._length = length
        self._share = share
        self._keep = keep
        self._pieces: list[bytes] = []
        self._position = 0  # how many of them the present attempt has been given
        self._size = 0
        self._held = 0  # bytes of the share
        self.streams = length is not None and length > WHOLE_BYTES
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

    def close(self) -> None:
        """Give back what is held; nothing can be read or sent any more."""
        self._pieces = []
        held, self._held = self._held, 0
        if held:
            self._share.give_back(held)

    async def prefetch(self) -> None:
        """Read the body before a replica is taken, so that a slow client occupies none.

        Of a body that `streams` it is the beginning; so it is of one that does not fit into the half of the share which
        long bodies may fill: room for the beginnings of others is left.

        Raises:
            ClientGoneError: the client left, or sent less or more than it declared.
            QueueFullError: the beginning does not fit. Of a length that is known it is said before anything is read.
        """
        share = self._share
        if self._length is not None and share.used + min(self._length, PIECE) > share.limit:
            raise no_room(share)
        while not self.done and not (self.streams and self._size >= REPLAY_BYTES):
            self._hold(len(await self._read()))

    async def next(self) -> bytes:
        """The next piece, framed for the replica; after the last one `at_end` is true. Errors as `prefetch`."""
        if self._position == len(self._pieces) and not self.done:
            size = len(await self._read())
            if self._size > self._keep or not self._share.take(size):
                self._keep = 0
            else:
                self._held += size
        data = self._following()
        if self._size > self._keep:
            self._drop_given()
        self.at_end = self.done and self._position == len(self._pieces)
        return frame(data, self._length is None, self.at_end)

    def _hold(self, size: int) -> None:
        """Count a piece that was read before there is a replica."""
        share = self._share
        fits = self._size <= WHOLE_BYTES and share.take(size, share.limit // 2 if self._size > PIECE else 0)
        if not fits:
            self.streams = self._size > PIECE
            if not self.streams or not share.take(size):
                raise no_room(share)
        self._held += size

    def _following(self) -> bytes:
        pieces, begin = self._pieces, self._position
        end, size = begin, 0
        while end < len(pieces) and size < PIECE:
            size += len(pieces[end])
            end += 1
        self._position = end
        return pieces[begin] if end == begin + 1 else b"".join(pieces[begin:end])

    def _drop_given(self) -> None:
        self._pieces = self._pieces[self._position :]
        self._position = 0
        self.replayable = False
        left = sum(map(len, self._pieces))
        self._share.give_back(self._held - left)
        self._held = left

    async def _read(self) -> bytes:
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
        return data


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
