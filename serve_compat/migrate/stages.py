"""The stages, one after the other: what each does to the files, and the question whether a file needs any of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import libcst as cst

from serve_compat.migrate.compat import stage as compat
from serve_compat.migrate.context import FileContext, Rewritten
from serve_compat.migrate.deployment import stage as deployment
from serve_compat.migrate.deployment.decide.decisions import Decisions as Deployments
from serve_compat.migrate.deployment.decide.resolving import decide
from serve_compat.migrate.deployment.find.file import Analysis
from serve_compat.migrate.project import Project
from serve_compat.migrate.router import stage as router
from serve_compat.migrate.rule import STAGES
from serve_compat.migrate.rule import Stage as Name
from serve_compat.migrate.serve import stage as serve
from serve_compat.migrate.serve.convert import convert
from serve_compat.migrate.serve.program import Options

Facts = TypeVar("Facts")
Decisions = TypeVar("Decisions")


@dataclass(frozen=True)
class Stage(Generic[Facts, Decisions]):
    """One stage: each file is surveyed, all of them are decided about together, then each is rewritten.

    Attributes:
        name: as on the command line.
        survey: what a file says by itself.
        decide: what becomes of what, from the facts of all files by their paths; some may only be read.
        rewrite: what becomes of one file.
    """

    name: Name
    survey: Callable[[FileContext], Facts]
    decide: Callable[[Project, Mapping[str, Facts]], Decisions]
    rewrite: Callable[[FileContext, Decisions], Rewritten]


def _survey(file: FileContext) -> tuple[Analysis, router.Facts]:
    return deployment.survey(file), router.survey(file)


def _decide(
    project: Project, facts: Mapping[str, tuple[Analysis, router.Facts]]
) -> tuple[Deployments, router.Decisions]:
    """About backends and endpoints first, then about weighted traffic between what is a deployment then."""
    deployments = decide({path: each for path, (each, _) in facts.items()})
    return deployments, router.decide(project, {path: each for path, (_, each) in facts.items()})


def _rewrite(file: FileContext, decisions: tuple[Deployments, router.Decisions]) -> Rewritten:
    made = deployment.rewrite(file, decisions[0])
    return made if made.stays else replace(made, module=router.rewrite(file, decisions[1], made.module))


_CODE: dict[Name, Stage] = {
    "compat": Stage("compat", lambda file: None, lambda project, facts: None, compat.rewrite),
    "deployment": Stage("deployment", _survey, _decide, _rewrite),
    "serve": Stage("serve", serve.survey, serve.decide, serve.rewrite),
}


def leading_to(target: Name) -> list[Stage]:
    """The stages that lead to the target, in their order."""
    return [_CODE[name] for name in STAGES[: STAGES.index(target) + 1]]


def is_of_today(module: cst.Module, file: FileContext, excused: set[int]) -> bool:
    """Whether the last stage finds nothing of an old release in the file.

    Args:
        excused: lines with which it need not be content.
    """
    options = Options(pin=file.options.pin, notebook=file.options.notebook)
    outcome = convert(module, options, file.names.tree)
    if not outcome.touched:
        return True
    blocked = {file.line(node) for node, _, _ in outcome.blockers}
    return not outcome.notes and bool(blocked) and blocked <= excused
