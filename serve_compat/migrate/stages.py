"""The stages, one after the other: what each of them does to a module."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import libcst as cst

from serve_compat.migrate.context import FileContext
from serve_compat.migrate.rules.rule import STAGES, Stage

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


def up_to(target: Stage) -> tuple[Stage, ...]:
    """The names of the stages that lead to the target."""
    return STAGES[: STAGES.index(target) + 1]
