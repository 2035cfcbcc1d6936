"""The user's code and arguments where they are too large to be sent by value, as with a model among them."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass
from pickle import PickleBuffer
from typing import Any

LARGE = 2**20  # bytes: up to here code travels in commands and lies in the cluster's store
MOST = 2 * 2**30  # bytes of the code and the arguments of one backend
MOST_CONFIG = 200 * 2**20  # of a user_config: it is written down beside the one before, in a message of 512 MiB at most


class Pickled:
    """A pickle and, beside it, the large buffers that it was taken from; Ray moves all of them without a copy.

    Args:
        stream: the pickle.
        buffers: each with whether it may be written to where it is unpickled.
    """

    def __init__(self, stream: Any, buffers: Iterable[tuple[Any, bool]] = ()) -> None:
        self.stream = memoryview(stream)
        self.buffers = tuple((memoryview(buffer), writable) for buffer, writable in buffers)

    @property
    def parts(self) -> tuple[memoryview, ...]:
        """The pickle and the buffers, flat bytes."""
        return (self.stream, *(buffer for buffer, _ in self.buffers))

    @property
    def size(self) -> int:
        """Bytes of all together."""
        return sum(part.nbytes for part in self.parts)

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        beside = tuple((PickleBuffer(buffer), writable) for buffer, writable in self.buffers)
        return Pickled, (PickleBuffer(self.stream), beside)


class TooLargeError(Exception):
    """There is more to pickle than may be sent."""


class Sink(io.BytesIO):
    """What a pickler writes to, with large buffers kept beside it.

    Args:
        most: bytes of all together; with more, it raises TooLargeError.
    """

    def __init__(self, most: int) -> None:
        super().__init__()
        self._left = most
        self._beside: list[tuple[memoryview, bool]] = []

    def write(self, piece: Any) -> int:
        """Take the next piece of the pickle."""
        self._count(memoryview(piece).nbytes)
        return super().write(piece)

    def keep_inside(self, buffer: PickleBuffer) -> bool:
        """Whether the buffer is small enough to be a part of the pickle; keep it beside it otherwise."""
        view = memoryview(buffer)
        if view.nbytes <= LARGE or not (view.c_contiguous or view.f_contiguous):
            return True
        self._count(view.nbytes)
        self._beside.append((buffer.raw(), not view.readonly))
        return False

    def pickled(self) -> Pickled:
        """What has come. It takes nothing more."""
        return Pickled(self.getbuffer(), self._beside)

    def _count(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise TooLargeError


@dataclass(frozen=True)
class LargeCode:
    """Where a `Pickled` is that does not travel by value.

    Attributes:
        size: its bytes.
        key: names it where the controller keeps it; "" on the way there.
        ref: the reference to it in Ray's object store; None where only the controller has it.
        lasting: the controller has put it there; what a program puts goes when that ends.
    """

    size: int
    key: str = ""
    ref: Any = None
    lasting: bool = False
