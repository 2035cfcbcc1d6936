"""Telling a process from a later one of the same number, and ending it when it does not listen any more."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import NamedTuple


class Process(NamedTuple):
    """A process of a node: its number, and the kernel's clock when it began."""

    pid: int
    began: str


def this_process() -> Process:
    """The one this is called in."""
    return Process(os.getpid(), _began(os.getpid()))


def end(process: Process) -> bool:
    """Kill a process of this node and user, whatever state it is in; False when it is not there any more."""
    try:
        held = os.pidfd_open(process.pid)
    except OSError:
        return False
    try:
        if not process.began or _began(process.pid) != process.began:
            return False
        signal.pidfd_send_signal(held, signal.SIGKILL)
    except OSError:
        return False
    finally:
        os.close(held)
    return True


def _began(pid: int) -> str:
    """Field 22 of its stat; "" where there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return ""
