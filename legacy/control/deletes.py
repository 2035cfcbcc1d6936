"""What was deleted lately, and by which command. Pure.

The write that deletes is the one that remembers it. So a command that Ray runs again after a crash neither deletes what
another driver has made under the name meanwhile, nor makes again what another driver has deleted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from legacy.control.remembered import with_one_more


@dataclass(frozen=True)
class Deleted:
    """A record that is gone, also while the store still has it under its own key.

    Attributes:
        made_by: the commands that made it; the first one tells it from others of its name.
    """

    kind: Literal["backend", "endpoint"]
    name: str
    made_by: tuple[str, ...]

    def is_same(self, other: Deleted) -> bool:
        """Whether both are one record, at two times of its life."""
        return (self.kind, self.name, self.made_by[0]) == (other.kind, other.name, other.made_by[0])


@dataclass(frozen=True)
class Delete:
    """One command and what it deleted."""

    command: str
    records: tuple[Deleted, ...]


@dataclass(frozen=True)
class DeleteLog:
    """The last deletes of an instance."""

    deletes: tuple[Delete, ...] = ()

    def after(self, delete: Delete, is_behind: Callable[[str, str], bool] = lambda kind, name: False) -> DeleteLog:
        """The log with one more; the oldest is forgotten.

        Args:
            is_behind: whether the store may still have a deleted record, which nothing else says is gone.
        """

        def is_needed(one: Delete) -> bool:
            return any(is_behind(gone.kind, gone.name) for gone in one.records)

        return DeleteLog(with_one_more(self.deletes, delete, is_needed))

    def has(self, command: str) -> bool:
        """Whether a command has deleted what it was to delete."""
        return any(delete.command == command for delete in self.deletes)

    def has_deleted(self, record: Deleted) -> bool:
        """Whether a record is gone."""
        return any(record.is_same(gone) for delete in self.deletes for gone in delete.records)

    def has_undone(self, kind: str, name: str, command: str) -> bool:
        """Whether what a command made of a name was deleted since."""
        gone = (one for delete in self.deletes for one in delete.records if (one.kind, one.name) == (kind, name))
        return any(command in one.made_by for one in gone)
