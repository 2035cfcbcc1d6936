"""The serve stage as the engine calls it: all files are surveyed, then each is converted or stays, groups as one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from serve_compat.migrate.analysis.values import Deployment
from serve_compat.migrate.context import FileContext, Rewritten
from serve_compat.migrate.project import Project
from serve_compat.migrate.serve.convert import convert
from serve_compat.migrate.serve.program import Options
from serve_compat.migrate.serve.ties import Exports, Ties, ties, together
from serve_compat.migrate.writing import todo


@dataclass(frozen=True)
class Facts:
    """What one file says.

    Attributes:
        ties: what it shares with others.
        is_old: whether anything in it is old by itself.
    """

    ties: Ties
    is_old: bool


@dataclass(frozen=True)
class Decisions:
    """What the files are for each other.

    Attributes:
        exports: the deployments that they define for each other.
        together: of each file those that it shares deployments with.
        old: files with something old in them, or in one of those.
    """

    exports: Exports
    together: Mapping[str, frozenset[str]]
    old: frozenset[str]


def survey(file: FileContext) -> Facts:
    """What the file shares with others, and whether anything in it is old."""
    names, options = file.names, Options(file.options.pin, file.options.notebook)
    is_old = names.imports("serve_compat") or convert(file.module, options, names.tree).touched
    return Facts(ties(names.tree), is_old)


def decide(project: Project, facts: Mapping[str, Facts]) -> Decisions:
    """Which files belong together."""
    known = {path: each.ties for path, each in facts.items()}
    exports = Exports(project, known)
    groups = together(known, exports)
    old = {other for path, each in facts.items() if each.is_old for other in groups.get(path, {path})}
    return Decisions(exports, groups, frozenset(old))


def rewrite(file: FileContext, decisions: Decisions) -> Rewritten:
    """The file for stock Ray Serve; with TODOs, and still on serve_compat, where something has no equivalent."""

    def foreign(name: str) -> Deployment | None:
        found = decisions.exports.of(file.path, name)
        return found[1] if found is not None else None

    options = Options(file.options.pin, file.options.notebook, file.path in decisions.old, foreign)
    outcome = convert(file.module, options, file.names.tree)
    for node, rule, message in outcome.notes:
        file.report(rule, node, message)
    for node, rule, message in outcome.blockers:
        file.report(rule, node, message, "unresolved")
    shared = decisions.together.get(file.path, frozenset())
    if outcome.blockers:
        made = todo.mark_all(file.names.tree, outcome.blockers)
        return Rewritten(made, outcome.blockers[0][2], is_left=True, together=shared)
    return Rewritten(outcome.module, together=shared)
