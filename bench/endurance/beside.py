"""Work that a thread does beside the load."""

from __future__ import annotations

import threading
from typing import TypeVar

B = TypeVar("B", bound="Beside")


class Beside:
    """A context manager: `_run` has a thread of its own, and returns soon after `_stop` is set."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self: B) -> B:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        raise NotImplementedError
