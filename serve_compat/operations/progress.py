"""Waiting for the cluster with a line on the terminal that shows it goes on; without a terminal, just waiting."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import wait
from typing import TextIO, TypeVar

from legacy.errors import RayServeException
from legacy.session.terminal import show
from serve_compat.threads import in_thread

Result = TypeVar("Result")

QUIET_S = 1.0  # what takes less shows nothing
STEP_S = 0.5


def waiting(
    what: str, work: Callable[[], Result], look: Callable[[], str] | None = None, stream: TextIO | None = None
) -> Result:
    """Do something that may take long; gives what it gives and raises what it raises.

    Args:
        what: shown in front of the seconds it has taken, "scaling up".
        work: runs in a thread of its own when there is a terminal.
        look: how far it is, asked twice a second.
        stream: where to show it, stderr by default.

    Raises:
        KeyboardInterrupt: the user gave up; the cluster goes on with what was ordered.
    """
    shown = stream or sys.stderr
    if not shown.isatty():
        return work()
    done = in_thread(work)
    began, patience_s = time.monotonic(), QUIET_S
    try:
        while not wait([done], patience_s).done:
            show(line(what, time.monotonic() - began, _progress(look)), shown)
            patience_s = STEP_S
    except KeyboardInterrupt:
        shown.write("\nthe cluster goes on with what was ordered; serve-compat status shows how far it is\n")
        raise
    finally:
        show("", shown)
    return done.result()


@contextlib.contextmanager
def announced(what: str, stream: TextIO | None = None) -> Iterator[None]:
    """Show on a terminal what the block does. The block runs in this thread, as Ray's start-up has to."""
    show(f"{what} ...", stream)
    try:
        yield
    finally:
        show("", stream)


def line(what: str, seconds: float, progress: str) -> str:
    """The line that is shown meanwhile."""
    return f"{what}, {seconds:.0f} s" + (f": {progress}" if progress else "")


def _progress(look: Callable[[], str] | None) -> str:
    if look is None:
        return ""
    try:
        return look()
    except RayServeException:  # what is looked at may be on its way out
        return ""
