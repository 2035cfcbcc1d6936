"""What the migration tells about a place in a file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

Action = Literal["changed", "unresolved", "never-existed", "left-alone", "note"]
UNRESOLVED: frozenset[Action] = frozenset({"unresolved", "never-existed"})
"""Actions after which somebody has to look at the place: they make the exit status 2."""


@dataclass(frozen=True, order=True)
class Finding:
    """One line of the report.

    Attributes:
        path: the file as it was given.
        line: in the file as it was before, 1-based; 0 for the whole file. In a notebook, the line within the cell.
        rule: id, "SC101".
        action: "changed" (rewritten), "unresolved" (it could not be; a TODO stands there and the file runs through
            serve_compat), "never-existed" (no Ray had this), "left-alone" (on purpose), "note".
        message: one sentence about this place.
        cell: the notebook's cell, counted from 1; 0 elsewhere.
    """

    path: str
    line: int
    rule: str
    action: Action
    message: str
    cell: int = 0

    @property
    def needs_a_hand(self) -> bool:
        """Whether somebody has to look at the place."""
        return self.action in UNRESOLVED

    def at(self, line: int, cell: int = 0) -> Finding:
        """The same finding at another place."""
        return replace(self, line=line, cell=cell)

    def __str__(self) -> str:
        place = f"{self.path}:cell {self.cell}:{self.line}" if self.cell else f"{self.path}:{self.line}"
        return f"{place}: {self.rule} {self.action}: {self.message}"
