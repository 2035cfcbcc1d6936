"""What is decided over all files: which groups become deployments, and why others stay."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from serve_compat.migrate.deployment.decide.files import Files
from serve_compat.migrate.deployment.decide.naming import Owned
from serve_compat.migrate.deployment.decide.pair import Pair
from serve_compat.migrate.deployment.decide.splitting import Split
from serve_compat.migrate.deployment.find.groups import Group, Use
from serve_compat.migrate.project import joined
from serve_compat.migrate.rule import Rule


@dataclass(frozen=True)
class Problem:
    """Why a group cannot be converted, and at which use."""

    rule: Rule
    message: str
    at: Use | None = None


@dataclass(frozen=True)
class Decisions:
    """What becomes of all files. While it is decided groups may still fail.

    Attributes:
        groups: all of them, in their order.
        problems: of those that stay.
        pairs: those that become a deployment.
        splits: those that become deployments behind a router.
        open: those that name what only run time knows, and that can follow because everything in their file does.
    """

    files: Files
    groups: Sequence[Group]
    problems: dict[Group, Problem] = field(default_factory=dict)
    pairs: dict[Group, Pair] = field(default_factory=dict)
    splits: dict[Group, Split] = field(default_factory=dict)
    open: dict[Group, None] = field(default_factory=dict)

    @cached_property
    def by_path(self) -> dict[str, list[Group]]:
        """The groups by the files that take part in them."""
        found: dict[str, list[Group]] = defaultdict(list)
        for group in self.groups:
            for path in dict.fromkeys(use.path for use in group.uses):
                found[path].append(group)
        return found

    def fail(self, groups: Iterable[Group], rule: Rule, why: str, at: Use | None = None) -> None:
        """They cannot be converted; the first reason is kept."""
        for group in groups:
            for kind in (self.pairs, self.splits, self.open):
                kind.pop(group, None)
            self.problems.setdefault(group, Problem(rule, why, at))

    def converts(self, group: Group) -> bool:
        """Whether a group that creates something becomes deployments."""
        return group in self.pairs or group in self.splits

    def every_pair(self) -> list[tuple[Group, Pair]]:
        """Every deployment that is made, with its group."""
        behind = [(group, pair) for group, split in self.splits.items() for pair in split.pairs]
        turns = [(group, turn) for group, pair in self.pairs.items() for turn in pair.turns]
        return [*self.pairs.items(), *turns, *behind]

    def owned(self, path: str) -> Owned:
        """The deployments that a file has part in."""
        return Owned(
            [self.pairs[each] for each in self.by_path[path] if each in self.pairs], path in self.files.by_tags
        )

    @cached_property
    def together(self) -> dict[str, frozenset[str]]:
        """Of each file those with which it shares what is converted, directly or through others, and itself.

        To be asked when all is decided.
        """
        return joined((group.uses[0].path, use.path) for group in (*self.pairs, *self.splits) for use in group.uses)
