"""The logger of this project: no text that came from outside can forge a line of its logs.

Names, paths, header values and above all the texts of exceptions may hold line ends. Whatever a record says stays on
its own line or stands behind a mark on the lines that follow, so a line without the mark always begins a record.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable

from legacy.printable import printable

MARK = "| "  # in front of every line of a record but its first

_HERE = os.path.dirname(__file__) + os.sep
_LIBRARIES = ("uvicorn.error", "asyncio")  # they log what our servers and tasks raise
_formatter = logging.Formatter()


class Marked(logging.Filter):
    """Marks the further lines of records and escapes what is not printable; changes records, holds none back.

    Args:
        below: only of records that files below this directory make; "" for all.
    """

    def __init__(self, below: str = "") -> None:
        super().__init__()
        self._below = below

    def filter(self, record: logging.LogRecord) -> bool:
        """Change the record (called by logging); always True."""
        if record.pathname.startswith(self._below):
            try:
                text = record.getMessage()
            except Exception:  # an argument's __str__ is as untrusted as who made it; a log call must not raise
                text = f"{record.msg} (what it says of this cannot be shown)"
            first, *rest = _lines(text) or [""]
            record.msg, record.args = "\n".join([first, *_marked(rest)]), ()
            if record.exc_info:
                record.exc_text = "\n".join(_marked(_lines(_formatter.formatException(record.exc_info))))
        return True


def guard_libraries() -> None:
    """Mark also what libraries log, for a process that is ours alone."""
    for name in _LIBRARIES:
        logging.getLogger(name).addFilter(_everything)


def _lines(text: str) -> list[str]:
    return [printable(line, keep="\t") for line in text.splitlines()]


def _marked(lines: Iterable[str]) -> list[str]:
    return [MARK + line for line in lines]


_everything = Marked()

logger = logging.getLogger("ray.serve")  # the originals' name; user code logs there too, and keeps its own form
logger.addFilter(Marked(_HERE))
