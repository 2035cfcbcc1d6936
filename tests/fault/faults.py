"""What was done to an instance under load, and which requests that may have cost. Pure: times are values.

A fault explains a lost request only if it touched it. A killed replica costs what it was working on, a killed proxy
what was on its connections or came before its port answered again, a killed controller nothing at all. Who waited in
vain for a replica of a backend can blame what struck all that it had.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Kind = Literal["replica", "proxy", "controller"]
LATE_S = 5.0  # who waits for a process that is gone hears of it by then; at once, but machines are busy
STALE_S = 1.0  # a kept connection to a proxy that is gone is noticed by its next request, which comes within this


@dataclass
class Entry:
    """One request as its client saw it; times are time.monotonic() seconds.

    Attributes:
        opened: when its connection was.
        status: None without a complete answer.
    """

    id: str
    sent: float
    ended: float = 0.0
    status: int | None = None
    text: str = ""
    opened: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether the answer is the right one."""
        return self.status == 200 and self.text == self.id


@dataclass
class Fault:
    """One process was killed, stopped, or lost with its node.

    Attributes:
        begun: before anything was done to it.
        over: when it was gone, and with a proxy when its port answered again.
    """

    kind: Kind
    pid: int
    begun: float
    over: float = float("inf")

    def explains(self, entry: Entry, where: int | None) -> bool:
        """Whether it may have cost this request its answer.

        Args:
            where: the replica that began to work on the request, or was to; None when no replica is known to.
        """
        if self.begun > entry.ended or entry.ended > self.over + LATE_S:
            return False
        if entry.status is not None and entry.status < 500:
            return False  # who died can have cut an answer or be reported as lost, but not have given a wrong one
        if self.kind == "replica":
            return where == self.pid and entry.sent <= self.over
        if self.kind == "proxy":
            stale = entry.opened <= self.over and entry.sent <= self.over + STALE_S
            return entry.status is None and (entry.sent <= self.over or stale)
        return False


@dataclass(frozen=True)
class Born:
    """A replica's process that came up; `at` in time.monotonic() seconds."""

    backend: str
    pid: int
    at: float


def starved(entry: Entry, replicas: Iterable[Born], faults: Iterable[Fault]) -> bool:
    """Whether faults left a request nobody to wait for.

    Args:
        replicas: all that its backend ever had.
    """
    struck: dict[int, float] = {}
    for fault in faults:
        if fault.kind == "replica":
            struck[fault.pid] = min(fault.begun, struck.get(fault.pid, fault.begun))
    inf = float("inf")
    well = (min(struck.get(one.pid, inf), entry.ended) - max(one.at, entry.sent) for one in replicas)
    return bool(struck) and all(seconds <= LATE_S for seconds in well)
