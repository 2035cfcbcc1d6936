"""The stages in their order, and the question whether a file needs any of them."""

from __future__ import annotations

import libcst as cst

from serve_compat.migrate import compat_stage, deployment_stage, router_stage, serve_stage
from serve_compat.migrate.context import FileContext
from serve_compat.migrate.rules.rule import Stage
from serve_compat.migrate.serve_stage import stage as serve_code
from serve_compat.migrate.serve_stage.program import Options as ServeOptions
from serve_compat.migrate.stages import StageCode, up_to

_CODE = {
    "compat": StageCode("compat", compat_stage.run),
    "deployment": StageCode("deployment", deployment_stage.run, deployment_stage.survey),
    "serve": StageCode("serve", serve_code.run, serve_code.survey),
}
# before the stage of the name, so that it sees no set_traffic to which a router is the answer
_BEFORE = {"deployment": StageCode("deployment", router_stage.run, router_stage.survey)}


def stages(target: Stage) -> list[StageCode]:
    """The stages that lead to the target, in their order."""
    found = []
    for name in up_to(target):
        found += [_BEFORE[name]] if name in _BEFORE else []
        found.append(_CODE[name])
    return found


def is_of_today(module: cst.Module, file: FileContext, excused: set[int]) -> bool:
    """Whether the last stage finds nothing of an old release in the file.

    Args:
        excused: lines with which it need not be content.
    """
    outcome = serve_stage.convert(module, ServeOptions(pin=file.options.pin, notebook=file.options.notebook))
    if not outcome.touched:
        return True
    blocked = {file.line(node) for node, _, _ in outcome.blockers}
    return not outcome.notes and bool(blocked) and blocked <= excused
