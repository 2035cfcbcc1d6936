"""The serve stage as the engine calls it: all files are surveyed, then each is converted or stays, groups as one."""

from __future__ import annotations

import libcst as cst

from serve_compat.migrate.analysis.tree import Tree
from serve_compat.migrate.analysis.values import Deployment
from serve_compat.migrate.context import FileContext
from serve_compat.migrate.project import Project
from serve_compat.migrate.serve.convert import convert
from serve_compat.migrate.serve.program import Options
from serve_compat.migrate.serve.ties import Ties, ties
from serve_compat.migrate.writing import todo

_TIES, _OLD, _LINKED = "serve: ties", "serve: old", "serve: linked"


def survey(file: FileContext) -> None:
    """Note what the file shares with others, and whether anything in it is old."""
    file.project.note(_TIES, file.path, file.path, ties(file.names.tree))
    file.project.note(_OLD, file.path, file.path, convert(file.module, _options(file), file.names.tree).touched)


def run(module: cst.Module, file: FileContext) -> cst.Module:
    """The file for stock Ray Serve; with TODOs, and still on serve_compat, where something has no equivalent."""
    _link_all(file.project)
    others = [fact for fact in file.project.facts(_OLD) if fact.value and file.project.linked(fact.path, file.path)]
    tree = file.names.tree if module is file.module else Tree(module)
    outcome = convert(module, _options(file, force=bool(others)), tree)
    for node, rule, message in outcome.notes:
        file.report(rule, node, message)
    for node, rule, message in outcome.blockers:
        file.report(rule, node, message, "unresolved")
    if outcome.blockers:
        file.stays = outcome.blockers[0][2]
        return todo.mark_all(tree, outcome.blockers)
    return outcome.module


def _options(file: FileContext, force: bool = False) -> Options:
    def foreign(name: str) -> Deployment | None:
        module, _, last = name.rpartition(".")
        path = file.project.resolve(file.path, module) if module.strip(".") else None
        known = _ties_of(file.project, path) if path else None
        return known.exports.get(last) if known is not None else None

    return Options(pin=file.options.pin, notebook=file.options.notebook, force=force, foreign=foreign)


def _ties_of(project: Project, path: str) -> Ties | None:
    for fact in project.facts(_TIES, path):
        known: Ties = fact.value
        return known
    module = project.module_of(path)
    if module is None:
        return None
    found = ties(Tree(module))
    project.note(_TIES, path, path, found)
    return found


def _link_all(project: Project) -> None:
    """Link the files that share deployments; once per run."""
    if project.facts(_LINKED):
        return
    known: dict[str, Ties] = {fact.path: fact.value for fact in project.facts(_TIES)}
    makers: dict[str, list[str]] = {}
    for path, tie in known.items():
        for name in tie.deploys:
            makers.setdefault(name, []).append(path)
    for path, tie in known.items():
        for name in tie.asks | tie.deploys:
            for other in makers.get(name, ()):
                project.link(path, other)
        for name in tie.imports:
            module, _, last = name.rpartition(".")
            where = project.resolve(path, module) if module.strip(".") else None
            if where in known and last in known[where].exports:
                project.link(path, where)
    project.note(_LINKED, "", "")
