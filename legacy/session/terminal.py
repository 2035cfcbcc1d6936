"""One line of the terminal that says what is being done, written over again and again."""

from __future__ import annotations

import sys
from typing import TextIO

from legacy.printable import printable

CLEAR = "\r\x1b[K"
LONGEST = 200


def show(text: str, stream: TextIO | None = None) -> None:
    """Write a text in the place of the line that is there, or "" to clear it; nothing where there is no terminal.

    Args:
        stream: stderr by default.
    """
    terminal = stream or sys.stderr
    if terminal.isatty():
        terminal.write(CLEAR + printable(text)[:LONGEST])
        terminal.flush()
