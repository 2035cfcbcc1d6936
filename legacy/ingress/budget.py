"""How many bytes one proxy may hold for its clients, whoever they are and however many. Pure.

    requests   5/8   what has come and nobody has looked at, bodies that are being read or wait for a replica, and
               the heads of requests that wait, or are long
    answers    1/4   what replicas have answered already and slow clients have not read
    shadows    1/8   copies for shadow backends, until they are answered
    disk             what of long bodies does not fit, in temporary files; bytes beside the others

Each part has bytes of its own: slow readers or a slow shadow never take the room of those who wait. What is not counted
is small and has a bound of its own, by the number of places or connections.
"""

from __future__ import annotations

from legacy.constants import SMALL
from legacy.errors import QueueFullError

LINE_COST = 256  # of a header line besides its bytes: the name, the value and their pair, here and as they are sent on
WAITING_COST = 8 * 1024 + SMALL  # of a waiting request besides its head and a longer body: its task, its connection ...


class Share:
    """Bytes that may be held for one purpose.

    Args:
        limit: how many.

    Attributes:
        used: how many are held now; never more than `limit`.
    """

    __slots__ = ("limit", "used")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0

    def take(self, size: int, spare: int = 0) -> bool:
        """Count bytes as held; False, and nothing is counted, when they do not fit.

        Args:
            spare: so many bytes must be free afterwards.
        """
        used = self.used + size
        if used > self.limit - spare:
            return False
        self.used = used
        return True

    def give_back(self, size: int) -> None:
        """Bytes are held no more.

        Raises:
            ValueError: so many were never taken.
        """
        if size > self.used:
            raise ValueError(f"{size} bytes are given back, but only {self.used} are held; given back twice?")
        self.used -= size


class Arrived:
    """What one request holds of a share beside its `RequestBody`: its long head, and what nobody has asked for yet.

    Args:
        share: where it is counted.
    """

    __slots__ = ("_body", "_head", "_share")

    def __init__(self, share: Share) -> None:
        self._share = share
        self._head = self._body = 0

    def has_room_for_head(self, size: int) -> bool:
        """Count so many bytes in all for the head, until the end; False when they do not fit."""
        if not self._share.take(max(0, size - self._head)):
            return False
        self._head = max(size, self._head)
        return True

    def has_room_for_body(self, size: int) -> bool:
        """Count so many bytes in all of the body, until somebody reads them; False when they do not fit."""
        if not self._share.take(size - self._body):
            return False
        self._body = size
        return True

    def read(self) -> None:
        """Somebody has asked for what has come of the body."""
        self._share.give_back(self._body)
        self._body = 0

    def close(self) -> None:
        """Give everything back; more than once is fine."""
        self.read()
        self._share.give_back(self._head)
        self._head = 0


class Budget:
    """The bytes of one proxy.

    Args:
        total: all of them that are memory.
        disk: how many more may be in temporary files.

    Attributes:
        requests, answers, shadows, disk: what they may be held for.
    """

    def __init__(self, total: int, disk: int = 0) -> None:
        self.disk = Share(disk)
        self.answers = Share(total // 4)
        self.shadows = Share(total // 8)
        self.requests = Share(total - self.answers.limit - self.shadows.limit)


def no_room(requests: Share) -> QueueFullError:
    """What a request is told that does not fit."""
    return QueueFullError(
        f"the requests that wait hold {requests.used} of {requests.limit} bytes and this one does not fit; try again "
        "later, or raise max_buffered_bytes in http_options, num_replicas or max_concurrent_queries"
    )
