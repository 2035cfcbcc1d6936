"""What is being done for a program that waits: on one line of its terminal, and in its log what it waits for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TextIO

import ray

from legacy.logs import logger
from legacy.session.terminal import show

LOOK_S = 0.5


def show_until_done(
    ref: Any, tag: str, look: Callable[[], tuple[str, str]], terminal: TextIO, timeout_s: float
) -> None:
    """Return when `ref` is done or the time is up; nothing is said where nothing takes long.

    Args:
        tag: of the backend that the program waits for.
        look: says what is being done now, for the terminal, and what replicas lack, for the log; "" for nothing.
        timeout_s: seconds.
    """
    shown = warned = False
    for _ in range(int(timeout_s / LOOK_S)):
        done, _ = ray.wait([ref], timeout=LOOK_S)
        if done:
            break
        said, lack = look()
        if lack and not warned:
            warned = True
            logger.warning(
                "%r is not there yet: %s. It goes on as soon as there is room: delete what is not needed, ask for less "
                "in ray_actor_options, or add nodes",
                tag,
                lack,
            )
        if terminal.isatty() and (said or shown):
            shown = True
            show(said, terminal)
    if shown:
        show("", terminal)
