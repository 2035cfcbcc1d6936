"""The deployment stage as the engine calls it: all files are surveyed, then decided about together, then rewritten."""

from __future__ import annotations

import libcst as cst

from serve_compat.migrate.context import FileContext, Rewritten
from serve_compat.migrate.deployment.decide.decisions import Decisions
from serve_compat.migrate.deployment.find.file import Analysis, is_early
from serve_compat.migrate.deployment.find.groups import SC123
from serve_compat.migrate.deployment.find.listings import SC125
from serve_compat.migrate.deployment.find.staying import Inconvertible
from serve_compat.migrate.deployment.write import definitions, operations, router, starting
from serve_compat.migrate.deployment.write.handle_calls import CLASS, request_class
from serve_compat.migrate.deployment.write.http_methods import WRAPPER, wrapper_code
from serve_compat.migrate.deployment.write.rewriting import Rewriting
from serve_compat.migrate.rule import Rule
from serve_compat.migrate.writing import todo
from serve_compat.migrate.writing.cleaning import Useless, cleaned, used_names, without_client_types, without_connecting
from serve_compat.migrate.writing.imports import with_helpers, with_imports

_HELPERS = {WRAPPER: wrapper_code, CLASS: request_class}


def survey(file: FileContext) -> Analysis:
    """What the file does with backends and endpoints."""
    return Analysis(file, is_early(file))


def rewrite(file: FileContext, decisions: Decisions) -> Rewritten:
    """The file with deployments in the place of backends and endpoints; with TODOs where that is not possible."""
    analysis = decisions.files[file.path]
    if not analysis.speaks_old:
        return Rewritten(file.module)
    rewriting = Rewriting(analysis, decisions.files)
    done = _write(decisions, rewriting)
    todos = _todos(decisions, analysis)
    starting.write_ray_init(rewriting)
    if done and not todos and _starts_well(analysis):
        starting.write_starts(rewriting)
        rewriting.is_started_anew = True
    for operation, rule, message in todos:
        file.report(rule, operation, f"{message}; it stays as it is", "unresolved")
    shared = decisions.together.get(file.path, frozenset())
    return Rewritten(_result(rewriting, todos), todos[0][2] if todos else "", together=shared)


def _write(decisions: Decisions, rewriting: Rewriting) -> bool:
    path = rewriting.file.path
    groups = decisions.by_path[path]
    pairs = [decisions.pairs[group] for group in groups if group in decisions.pairs]
    for pair in pairs:
        if pair.home.path == path:
            definitions.write_pair(pair, rewriting)
        operations.write_uses(pair, rewriting)
        rewriting.note_names(use.operation for use in pair.group.uses if use.path == path)
    splits = [decisions.splits[group] for group in groups if group in decisions.splits]
    for split in splits:
        router.write_split(split, rewriting)
        rewriting.note_names(use.operation for use in split.group.uses)
    for group in groups:
        if group in decisions.open:
            operations.write_open(group, rewriting)
            rewriting.note_names(use.operation for use in group.uses)
    if (pairs or splits) and not any(group in decisions.problems for group in groups):
        operations.write_lists(rewriting, decisions.owned(path))
    return bool(pairs or splits)


def _starts_well(analysis: Analysis) -> bool:
    try:
        starting.check_starts(analysis.starts)
    except Inconvertible:
        return False
    return True


def _todos(decisions: Decisions, analysis: Analysis) -> list[tuple[cst.CSTNode, Rule, str]]:
    """One place of each group that stays, and why."""
    places: dict[tuple[Rule, str], cst.CSTNode] = {}
    for group in decisions.by_path[analysis.path]:
        problem = decisions.problems.get(group)
        if problem is not None:
            here = next(use for use in group.uses if use.path == analysis.path)
            at = problem.at if problem.at is not None and problem.at.path == analysis.path else here
            places.setdefault((problem.rule, problem.message), at.operation.call)
    found = [(node, rule, message) for (rule, message), node in places.items()]
    for operation in analysis.named("stat"):
        found.append((operation.call, SC125, "serve.stat() counts as Ray 0.8 did, which deployments do not"))
    odd = next((use.operation for use in analysis.uses if use.operation.is_opaque), None)
    if odd is not None and not found:
        found.append((odd.call, SC123, odd.odd))
    return found


def _result(rewriting: Rewriting, todos: list[tuple[cst.CSTNode, Rule, str]]) -> cst.Module:
    analysis, module = rewriting.file, rewriting.file.file.module
    todo.plan(rewriting.edits, analysis.names.tree, todos)
    if not rewriting.edits:
        return module
    made = rewriting.edits.module(module)
    made = with_imports(made, rewriting.imports)
    kept = analysis.file.project.imported_from(analysis.path)
    useless = Useless(set(rewriting.useless), {p for p in rewriting.useless_params if p[0] not in kept}, kept)
    made = cleaned(made, useless, used_names(analysis.tree))
    if rewriting.is_started_anew:
        made = cleaned(without_client_types(without_connecting(made)), useless, used_names(analysis.tree))
        starting.report_clients(rewriting, made)
    return with_helpers(made, {name: _HELPERS[name](needs) for name, needs in sorted(rewriting.helpers.items())})
