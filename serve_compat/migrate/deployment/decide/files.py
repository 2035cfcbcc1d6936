"""All files of a run while it is decided about them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping

import libcst as cst

from serve_compat.migrate.deployment.find.file import Analysis
from serve_compat.migrate.deployment.find.listings import anchor


class Files:
    """The files by their paths, and what follows for one of them from all.

    Args:
        found: the files.
        by_tags: those whose deployments are named by the tags of their backends, which they read.
        open_handles: those with handles of endpoints whose names only run time knows.
    """

    def __init__(
        self, found: Mapping[str, Analysis], by_tags: Collection[str] = (), open_handles: Collection[str] = ()
    ) -> None:
        self._found = found
        self.by_tags, self.open_handles = frozenset(by_tags), frozenset(open_handles)
        self._used: dict[str, set[str]] = defaultdict(set)
        self._anchors: dict[str, set[cst.BaseStatement | None]] = {}

    def __getitem__(self, path: str) -> Analysis:
        return self._found[path]

    def __iter__(self) -> Iterator[Analysis]:
        return iter(self._found.values())

    def anchors(self, home: Analysis) -> set[cst.BaseStatement | None]:
        """The statements that stand for the operations of a file."""
        if home.path not in self._anchors:
            self._anchors[home.path] = {anchor(each.call, home) for each in home.operations}
        return self._anchors[home.path]

    def free_name(self, home: Analysis, wanted: str) -> str:
        """A name like the wanted one that the file does not use for anything; each is given once."""
        used = self._used[home.path]
        if not used:
            used.update(home.tree.names)
        tries = (wanted, f"{wanted}_deployment", *(f"{wanted}_{number}" for number in range(2, 1000)))
        name = next((each for each in tries if each not in used), wanted)
        used.add(name)
        return name
