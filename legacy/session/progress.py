"""What is being done for a program that waits, on one line of its terminal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TextIO

import ray

from legacy.session.terminal import show

LOOK_S = 0.5


def show_until_done(ref: Any, doing: Callable[[], str], terminal: TextIO, timeout_s: float) -> None:
    """Return when `ref` is done or the time is up; nothing is written where nothing takes long, or to a file.

    Args:
        doing: says what is being done now; "" for nothing.
        timeout_s: seconds.
    """
    shown = False
    for _ in range(int(timeout_s / LOOK_S)):
        done, _ = ray.wait([ref], timeout=LOOK_S)
        if done or not terminal.isatty():
            break
        said = doing()
        if said or shown:
            shown = True
            show(said, terminal)
    if shown:
        show("", terminal)
