"""The part of a replica's answer that has arrived and has not been sent on, because its client reads slowly."""

from __future__ import annotations

from legacy.ingress.budget import Share

HIGH_WATER = 256 * 1024  # bytes held for any client before the replica is made to wait
MOST_BYTES = 4 * 1024 * 1024  # beyond these, as long as the proxy's budget has them: then the replica is free early
PIECE = 256 * 1024  # about what is taken out at once, and borrowed from the budget at once
CHUNK_COST = 64  # bytes of memory of a piece besides its content


class AnswerBuffer:
    """Bytes in order; `take` gets them out in pieces of a bounded size.

    Attributes:
        chunks: as they came; who appends one adds its length and `CHUNK_COST` to `size`.
        size: bytes of memory it holds; 0 when it is empty.
    """

    __slots__ = ("_limit", "_share", "chunks", "size")

    def __init__(self) -> None:
        self.chunks: list[bytes] = []
        self._limit = HIGH_WATER
        self._share: Share | None = None
        self.size = 0

    def take(self) -> bytes:
        """The next piece; empty when there is none."""
        chunks = self.chunks
        if self.size <= PIECE:
            self.chunks = []
            self.size = 0
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)
        size = count = 0
        while size < PIECE:
            size += len(chunks[count]) + CHUNK_COST
            count += 1
        self.size -= size
        self.chunks = chunks[count:]
        return b"".join(chunks[:count])

    def borrow_from(self, share: Share) -> None:
        """Let it grow beyond `HIGH_WATER` while the share has room; `settle` must follow."""
        self._share = share

    def is_full(self) -> bool:
        """Whether no more should come; borrows what it needs."""
        while self.size > self._limit:
            if self._share is None or self._limit >= HIGH_WATER + MOST_BYTES or not self._share.take(PIECE):
                return True
            self._limit += PIECE
        return False

    def is_low(self) -> bool:
        """Whether more may come, should it have been full."""
        return self.size <= self._limit // 2

    def settle(self) -> None:
        """Give back what was borrowed."""
        share, self._share = self._share, None
        if share is not None and self._limit > HIGH_WATER:
            share.give_back(self._limit - HIGH_WATER)
        self._limit = HIGH_WATER
