"""The stages, one after the other: what each does to a module, and the question whether a file needs any of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import libcst as cst

from serve_compat.migrate.compat import stage as compat
from serve_compat.migrate.context import FileContext
from serve_compat.migrate.deployment import stage as deployment
from serve_compat.migrate.router import stage as router
from serve_compat.migrate.rule import STAGES, Stage
from serve_compat.migrate.serve import stage as serve
from serve_compat.migrate.serve.convert import convert
from serve_compat.migrate.serve.program import Options

Survey = Callable[[FileContext], None]
Run = Callable[[cst.Module, FileContext], cst.Module]


def no_survey(file: FileContext) -> None:
    """A stage that looks at one file at a time."""


@dataclass(frozen=True)
class StageCode:
    """One stage.

    Attributes:
        name: as on the command line.
        run: gives the rewritten module, or the very one it got.
        survey: called for all files before `run` is called for any of them, to fill the project's registry.
    """

    name: Stage
    run: Run
    survey: Survey = no_survey


def _to_deployments(module: cst.Module, file: FileContext) -> cst.Module:
    """Backends and endpoints first, then weighted traffic between what is a deployment now."""
    made = deployment.run(module, file)
    return made if file.stays else router.run(made, file)


def _survey_deployments(file: FileContext) -> None:
    deployment.survey(file)
    router.survey(file)


_CODE = {
    "compat": StageCode("compat", compat.run),
    "deployment": StageCode("deployment", _to_deployments, _survey_deployments),
    "serve": StageCode("serve", serve.run, serve.survey),
}


def leading_to(target: Stage) -> list[StageCode]:
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
