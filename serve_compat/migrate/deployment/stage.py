"""The deployment stage as the engine calls it: all files are surveyed, then decided about together, then rewritten."""

from __future__ import annotations

import libcst as cst

from serve_compat.migrate.context import FileContext
from serve_compat.migrate.deployment.decide import forms
from serve_compat.migrate.deployment.decide.resolving import Resolution, resolve
from serve_compat.migrate.deployment.find.file import Analysis, is_early
from serve_compat.migrate.deployment.find.groups import SC123, Group, Use
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

_FILE, _EARLY, _RESOLUTION = "deployment: file", "deployment: early", "deployment: resolution"
_HELPERS = {WRAPPER: wrapper_code, CLASS: request_class}


def survey(file: FileContext) -> None:
    """Note the file for the decision over all files, and whether it speaks Ray 0.8."""
    file.project.note(_FILE, file.path, file.path, file)
    if is_early(file):
        file.project.note(_EARLY, file.path, file.path, True)


def run(module: cst.Module, file: FileContext) -> cst.Module:
    """The file with deployments in the place of backends and endpoints; with TODOs where that is not possible."""
    resolution = _resolution(file)
    analysis = resolution.files.get(file.path)
    if analysis is None or analysis.file is not file or not analysis.speaks_old:
        return module
    rewriting = Rewriting(analysis, resolution.files)
    done = _rewrite(resolution, rewriting)
    todos = _todos(resolution, analysis)
    starting.write_ray_init(rewriting)
    if done and not todos and _starts_well(analysis):
        starting.write_starts(rewriting)
        rewriting.is_started_anew = True
    for operation, rule, message in todos:
        file.report(rule, operation, f"{message}; it stays as it is", "unresolved")
        file.stays = file.stays or message
    return _result(module, rewriting, todos)


def _resolution(file: FileContext) -> Resolution:
    for fact in file.project.facts(_RESOLUTION):
        known: Resolution = fact.value
        return known
    early = {fact.path for fact in file.project.facts(_EARLY)}
    files = {fact.path: fact.value for fact in file.project.facts(_FILE)}
    made = resolve({path: Analysis(each, path in early) for path, each in files.items()})
    file.project.note(_RESOLUTION, "", "", made)
    return made


def _rewrite(resolution: Resolution, rewriting: Rewriting) -> bool:
    path = rewriting.file.path
    mine = [pair for pair in resolution.pairs.values() if any(use.path == path for use in pair.group.uses)]
    for pair in mine:
        if pair.home.path == path:
            definitions.write_pair(pair, rewriting)
        operations.write_uses(pair, rewriting)
        rewriting.note_names(use.operation for use in pair.group.uses if use.path == path)
    for split in resolution.splits.values():
        if split.home.path == path:
            router.write_split(split, rewriting)
            rewriting.note_names(use.operation for use in split.group.uses)
            mine += split.pairs
    for group in resolution.open:
        if group.uses[0].path == path:
            operations.write_open(group, rewriting)
            rewriting.note_names(use.operation for use in group.uses)
    if mine and resolution.converts_all_of(path):
        operations.write_lists(rewriting, resolution.owned(rewriting.file))
    return bool(mine)


def _starts_well(analysis: Analysis) -> bool:
    try:
        starting.check_starts(analysis.starts)
    except Inconvertible:
        return False
    return True


def _todos(resolution: Resolution, analysis: Analysis) -> list[tuple[cst.CSTNode, Rule, str]]:
    """One place of each group that stays, and why."""
    found: list[tuple[cst.CSTNode, Rule, str]] = []
    for group in resolution.groups:
        mine = [use for use in group.uses if use.path == analysis.path]
        if group.problem is None or not mine:
            continue
        rule, message = group.problem
        at = group.at if group.at is not None and group.at.path == analysis.path else mine[0]
        if (rule, message) not in {(other, why) for _, other, why in found}:
            found.append((at.operation.call, rule, message))
    for operation in analysis.named("stat"):
        found.append((operation.call, SC125, "serve.stat() counts as Ray 0.8 did, which deployments do not"))
    odd = next((use.operation for use in analysis.uses if use.operation.is_opaque), None)
    if odd is not None and (odd.call, SC123, odd.odd) not in found and not found:
        found.append((odd.call, SC123, odd.odd))
    return found


def _result(module: cst.Module, rewriting: Rewriting, todos: list[tuple[cst.CSTNode, Rule, str]]) -> cst.Module:
    analysis = rewriting.file
    todo.plan(rewriting.edits, analysis.names.tree, todos)
    if not rewriting.edits:
        return module
    made = rewriting.edits.module(module)
    made = with_imports(made, rewriting.imports)
    kept = forms.imported_elsewhere(analysis)
    useless = Useless(set(rewriting.useless), {p for p in rewriting.useless_params if p[0] not in kept}, kept)
    made = cleaned(made, useless, used_names(analysis.tree))
    if rewriting.is_started_anew:
        made = cleaned(without_client_types(without_connecting(made)), useless, used_names(analysis.tree))
        starting.report_clients(rewriting, made)
    return with_helpers(made, {name: _HELPERS[name](needs) for name, needs in sorted(rewriting.helpers.items())})


__all__ = ["Group", "Use", "run", "survey"]
