"""Operations on what no given file creates: which of them may stay, follow, or are none of this stage's."""

from __future__ import annotations

from collections.abc import Mapping

import libcst as cst

from serve_compat.migrate.analysis.expressions import code_of
from serve_compat.migrate.deployment.find.file import Analysis
from serve_compat.migrate.deployment.find.groups import Group, Use, is_known


def is_about_deployments(group: Group, files: Mapping[str, Analysis]) -> bool:
    """Traffic in a file that creates no backend is traffic between deployments, which is none of this stage's."""
    traffic = len(group.named("set_traffic", "shadow_traffic")) == len(group.uses)
    return traffic and not any(files[group.uses[0].path].named("create_backend", "create_endpoint"))


def may_be_made_here(group: Group, files: Mapping[str, Analysis]) -> bool:
    """Whether the file creates endpoints under names of run time, of which this may be one."""
    file = files[group.uses[0].path]
    names = [use.endpoint for use in file.uses if use.name == "create_endpoint"]
    return all(use.name == "get_handle" for use in group.uses) and any(not is_known(each) for each in names)


def expects_nothing(group: Group, files: Mapping[str, Analysis]) -> bool:
    """Whether all it does is to ask for handles where a `try` expects that there are none."""

    def expected(use: Use) -> bool:
        above = files[use.path].tree.ancestors(use.operation.call)
        child: cst.CSTNode = use.operation.call
        for each in above:
            if isinstance(each, cst.Try):
                return child is each.body and any(_catches_absence(handler) for handler in each.handlers)
            if isinstance(each, cst.FunctionDef):
                return False
            child = each
        return False

    known = all(is_known(key) for key in group.endpoints)
    return known and all(use.name == "get_handle" and expected(use) for use in group.uses)


def _catches_absence(handler: cst.ExceptHandler) -> bool:
    text = code_of(handler.type) if handler.type is not None else "Exception"
    return any(each in text for each in ("KeyError", "LookupError", "Exception"))
