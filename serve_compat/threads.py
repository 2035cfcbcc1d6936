"""Work in a thread that dies with the process: an interrupted program must be able to end while it takes its time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

Result = TypeVar("Result")


def in_thread(work: Callable[[], Result]) -> Future[Result]:
    """Begin to do something; the future gives what it gives and raises what it raises, KeyboardInterrupt too."""
    done: Future[Result] = Future()

    def run() -> None:
        try:
            done.set_result(work())
        except BaseException as error:  # whatever it is, who waits raises it
            done.set_exception(error)

    threading.Thread(target=run, name="serve-work", daemon=True).start()
    return done
