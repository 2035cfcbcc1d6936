"""Tells threads that wait for ever from threads that work, by what the kernel says about them.

A thread cannot go on by itself when it waits for a lock inside this process without a time limit. When that is true of
the thread of user code and of every other thread that could release the lock, and none of them has moved for a while,
nothing will ever move again. Everything else may be work: computing, sleeping, reading, waiting for another process.
"""

from __future__ import annotations

import contextlib
import os
import platform
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from legacy import cluster
from legacy.constants import ROUTER_THREAD

STILL_S = 6.0

_TASKS = Path("/proc/self/task")
_FUTEX = {"x86_64": 202, "aarch64": 98}.get(platform.machine())
_COMMAND = 0x7F
_WAITS = (0, 6, 9, 13)  # WAIT, LOCK_PI, WAIT_BITSET, LOCK_PI2
_PRIVATE = 0x80


class Look(NamedTuple):
    """One thread at one moment: the system call it is in, and how often it has stopped running so far."""

    call: str
    switches: int


def waits_for_ever(call: str, futex: int | None = _FUTEX) -> bool:
    """Whether a line of `/proc/.../syscall` is a wait for a lock of this process, without a time limit.

    Args:
        call: "running", or the call's number, six arguments and two registers.
        futex: the number of the call that waits for locks; None when it is not known for this machine.
    """
    number, _, rest = call.partition(" ")
    words = rest.split()
    if futex is None or number != str(futex) or len(words) < 4:
        return False
    operation, limit = int(words[1], 16), int(words[3], 16)
    # What is not private may be released by another process: locks of multiprocessing, a thread's end.
    return operation & _COMMAND in _WAITS and bool(operation & _PRIVATE) and limit == 0


class Stillness:
    """For how long nothing has moved."""

    def __init__(self) -> None:
        self._seen: Mapping[int, Look] = {}
        self._since = 0.0

    def is_deadlock(self, threads: Mapping[int, Look], now: float) -> bool:
        """Whether these threads, by id, have waited for ever and have not moved for `STILL_S` seconds."""
        if not threads or not all(waits_for_ever(each.call) for each in threads.values()):
            self._seen = {}
            return False
        if threads != self._seen:
            self._seen, self._since = dict(threads), now
        return now - self._since >= STILL_S


class Threads:
    """The threads of this process that run user code, or may.

    Make it before user code is loaded, on the loop of the actor: what runs by then is Ray's and ours, and releases no
    lock of users.

    Args:
        user: the thread that is asked about.
    """

    def __init__(self, user: threading.Thread) -> None:
        self._user = user
        self._ours = _ids() - {user.native_id or 0}

    @staticmethod
    def can_be_seen() -> bool:
        """Whether this machine tells what threads wait for."""
        return _FUTEX is not None and _look(threading.get_native_id()) is not None

    def look(self) -> dict[int, Look]:
        """All of them; only the one asked about when that one does not wait for ever, which is the usual case."""
        own = self._user.native_id or 0
        first = _look(own)
        if first is None:
            return {}
        if not waits_for_ever(first.call):
            return {own: first}
        named = {each.native_id: each.name for each in threading.enumerate()}
        others = {each: _look(each) for each in _ids() - self._ours if self._may_release(each, named)}
        return {own: first, **{each: look for each, look in others.items() if look is not None}}

    def _may_release(self, thread: int, named: Mapping[int | None, str]) -> bool:
        if thread in named:
            return named[thread] != ROUTER_THREAD
        with contextlib.suppress(OSError):  # it has ended
            return (_TASKS / str(thread) / "comm").read_text().strip() not in cluster.LATE_THREADS
        return False


def _ids() -> set[int]:
    return {int(each) for each in os.listdir(_TASKS)}


def _look(thread: int) -> Look | None:
    try:
        call = (_TASKS / str(thread) / "syscall").read_text().strip()
        status = (_TASKS / str(thread) / "status").read_text()
    except OSError:  # it has ended, or the kernel does not tell
        return None
    return Look(call, sum(int(line.split()[1]) for line in status.splitlines() if "ctxt_switches" in line))
