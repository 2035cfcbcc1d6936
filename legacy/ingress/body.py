"""The body of a client's request on its way to a replica: read early, framed anew, and remembered while it is small."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from legacy.constants import SMALL, WHOLE_BYTES
from legacy.ingress.budget import Budget, no_room
from legacy.ingress.spill import Spill

REPLAY_BYTES = 64 * 1024  # what is kept of a sent body, in case the replica refuses it unread
COPY_BYTES = 1024 * 1024  # the largest body a shadow gets
PIECE = 256 * 1024  # about what is sent at once
CRUMB = 512  # bytes; shorter pieces are joined while they wait

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


class ClientGoneError(Exception):
    """The client left before its request was complete."""


class RequestBody:
    """Reads the client's body once, however often it has to be sent. `close` must follow.

    Args:
        receive: of the ASGI request.
        length: the declared length in bytes, or None for a chunked body.
        budget: the bytes that may be held of all bodies.
        keep: how many bytes to remember: `REPLAY_BYTES`, or `COPY_BYTES` when shadows want a copy.

    Attributes:
        streams: it is too long to be read as a whole before a replica is taken.
        held: bytes of memory and disk that are to be given back.
        replayable: everything read so far is remembered, so that another replica can be sent the whole.
        done: all of it has been read from the client.
        at_end: the present attempt has been given all of it.
    """

    _position = 0  # how many pieces the present attempt has been given
    _size = 0
    _aside = 0  # bytes on disk, which come behind those in memory
    _spill: Spill | None = None
    held = 0
    replayable = True
    done = at_end = False

    def __init__(self, receive: Receive, length: int | None, budget: Budget, keep: int = REPLAY_BYTES) -> None:
        self._receive = receive
        self._length = length
        self._share = budget.requests
        self._disk = budget.disk
        self._keep = keep
        self._pieces: list[bytes] = []
        self.streams = length is not None and length > WHOLE_BYTES

    def rewind(self) -> None:
        """Begin a new attempt from the first byte; only while `replayable`."""
        self._position = 0
        self.at_end = False
        if self._spill is not None:
            self._spill.rewind()

    def forget(self) -> None:
        """Stop remembering: what is read from now on is nobody's."""
        self._keep = 0

    def copy(self) -> bytes | None:
        """The whole body; None when it was too long to be kept in memory or has not been read to its end."""
        return b"".join(self._pieces) if self.done and self.replayable and self._spill is None else None

    def received(self) -> int:
        """How many bytes have come."""
        return self._size

    def close(self) -> None:
        """Give back what is held; nothing can be read or sent any more."""
        self._pieces = []
        if self.held:
            self._share.give_back(self.held - self._aside)
            self._disk.give_back(self._aside)
            self.held = self._aside = 0
        if self._spill is not None:
            self._spill.close()
            self._spill = None

    async def prefetch(self) -> None:
        """Read the body before a replica is taken, so that a slow client occupies none.

        Of a body that `streams` it is the beginning. Long ones may fill half of the share, so that room is left for the
        beginnings of others; what does not fit there is put aside on disk, and where that is full too the body streams.

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
                await self._hold(size)

    async def next(self) -> bytes:
        """The next piece, framed for the replica; after the last one `at_end` is true. Errors as `prefetch`."""
        if not self.done and self._is_given():
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
            data = await self._following()
            self.at_end = self.done and self._is_given()
        if self._size > self._keep:
            self._drop_given()
        return frame(data, self._length is None, self.at_end)

    def _is_given(self) -> bool:
        return self._position == len(self._pieces) and (self._spill is None or self._spill.at_end)

    async def _hold(self, size: int) -> None:
        """Count a piece that was read before there is a replica."""
        share, is_long = self._share, self._size > PIECE
        if self._spill is None and self._size <= WHOLE_BYTES and share.take(size, share.limit // 2 if is_long else 0):
            self.held += size
            return
        if is_long and (self._spill is not None or self._size <= WHOLE_BYTES) and await self._put_aside(size):
            self.streams = self._size > WHOLE_BYTES
            return
        self.streams = is_long and self._spill is None
        if not self.streams or not share.take(size):
            raise no_room(share)
        self.held += size

    async def _put_aside(self, size: int) -> bool:
        """Move the last piece to the disk; False when it does not fit there."""
        if not size:
            return True
        if not self._disk.take(size):
            return False
        self.held += size
        self._aside += size
        try:
            spill = self._spill = self._spill or Spill()
            await spill.append(self._pieces.pop())
        except OSError:
            return False
        return True

    async def _following(self) -> bytes:
        pieces, begin = self._pieces, self._position
        if begin == len(pieces) and self._spill is not None:
            return await self._spill.next(PIECE)
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
        left = self._aside + sum(map(len, self._pieces))
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
            self._keep_piece(data)
        return len(data)

    def _keep_piece(self, data: bytes) -> None:
        pieces = self._pieces
        given = self._position == len(pieces)
        if not given and self._spill is None and len(data) < CRUMB and len(pieces[-1]) < SMALL:
            pieces[-1] += data  # what is counted are bytes: a piece for each two of them would take 30 times as much
        else:
            pieces.append(data)


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
