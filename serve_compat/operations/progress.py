"""Waiting for the cluster with a line on the terminal that shows it goes on; without a terminal, just waiting."""

from __future__ import annotations

import contextlib
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, TextIO, TypeVar

from legacy.errors import RayServeException
from legacy.session.terminal import show

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
    done: queue.SimpleQueue[tuple[bool, Any]] = queue.SimpleQueue()
    threading.Thread(target=_run, args=(work, done), daemon=True).start()
    began = time.monotonic()
    try:
        well, result = _outcome(done, QUIET_S)
        while well is None:
            show(line(what, time.monotonic() - began, _progress(look)), shown)
            well, result = _outcome(done, STEP_S)
    except KeyboardInterrupt:
        shown.write("\nthe cluster goes on with what was ordered; serve-compat status shows how far it is\n")
        raise
    finally:
        show("", shown)
    if not well:
        raise result
    finished: Result = result
    return finished


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


def _run(work: Callable[[], Any], done: queue.SimpleQueue[tuple[bool, Any]]) -> None:
    try:
        done.put((True, work()))
    except BaseException as error:  # whatever it is, the thread that waits raises it
        done.put((False, error))


def _outcome(done: queue.SimpleQueue[tuple[bool, Any]], patience_s: float) -> tuple[bool | None, Any]:
    try:
        return done.get(timeout=patience_s)
    except queue.Empty:
        return None, None


def _progress(look: Callable[[], str] | None) -> str:
    if look is None:
        return ""
    try:
        return look()
    except RayServeException:  # what is looked at may be on its way out
        return ""
