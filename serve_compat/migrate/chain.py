"""The stages in their order, and the question whether a file needs any of them."""

from __future__ import annotations

import libcst as cst

from serve_compat.migrate import compat_stage, deployment_stage, router_stage, serve_stage
from serve_compat.migrate.context import FileContext
from serve_compat.migrate.rules.rule import Stage
from serve_compat.migrate.serve_stage import stage as serve_code
from serve_compat.migrate.serve_stage.program import Options as ServeOptions
from serve_compat.migrate.stages import StageCode, up_to


def _to_deployments(module: cst.Module, file: FileContext) -> cst.Module:
    """Backends and endpoints first, then weighted traffic between what is a deployment now."""
    made = deployment_stage.run(module, file)
    return made if file.stays else router_stage.run(made, file)


def _survey_deployments(file: FileContext) -> None:
    deployment_stage.survey(file)
    router_stage.survey(file)


_CODE = {
    "compat": StageCode("compat", compat_stage.run),
    "deployment": StageCode("deployment", _to_deployments, _survey_deployments),
    "serve": StageCode("serve", serve_code.run, serve_code.survey),
}


def stages(target: Stage) -> list[StageCode]:
    """The stages that lead to the target, in their order."""
    return [_CODE[name] for name in up_to(target)]


def is_of_today(module: cst.Module, file: FileContext, excused: set[int]) -> bool:
    """Whether the last stage finds nothing of an old release in the file.

    Args:
        excused: lines with which it need not be content.
    """
    options = ServeOptions(pin=file.options.pin, notebook=file.options.notebook)
    outcome = serve_stage.convert(module, options, file.names.tree)
    if not outcome.touched:
        return True
    blocked = {file.line(node) for node, _, _ in outcome.blockers}
    return not outcome.notes and bool(blocked) and blocked <= excused
