"""Small functions and classes that the result needs, and where they go in the file."""

from __future__ import annotations

from collections.abc import Mapping

import libcst as cst

from serve_compat.migrate.deployment.write.handle_calls import CLASS, request_class
from serve_compat.migrate.deployment.write.http_methods import WRAPPER, wrapper_code
from serve_compat.migrate.writing.texts import statement


def with_helpers(module: cst.Module, wanted: Mapping[str, set[str]]) -> cst.Module:
    """The module with the helpers it lacks, below its imports.

    Args:
        wanted: names of helpers, with what is needed of each.
    """
    have = {each.name.value for each in module.body if isinstance(each, cst.FunctionDef | cst.ClassDef)}
    codes = {WRAPPER: wrapper_code, CLASS: request_class}
    made: list[cst.BaseStatement] = [statement(codes[name](wanted[name])) for name in sorted(set(wanted) - have)]
    if not made:
        return module
    body: list[cst.BaseStatement] = list(module.body)
    place = _place(module)
    gap = [cst.EmptyLine(indent=False)] * 2
    made = [each.with_changes(leading_lines=gap) for each in made]
    if place < len(body):
        below = body[place]
        lines = list(getattr(below, "leading_lines", ()))
        first = next((n for n, each in enumerate(lines) if each.comment is not None), len(lines))
        body[place] = below.with_changes(leading_lines=[*gap, *lines[first:]])
    body[place:place] = made
    return module.with_changes(body=body)


def _place(module: cst.Module) -> int:
    """Below the imports at the top of the file."""
    place = 0
    for number, each in enumerate(module.body):
        simple = each.body[0] if isinstance(each, cst.SimpleStatementLine) and each.body else None
        is_text = isinstance(simple, cst.Expr) and isinstance(simple.value, cst.BaseString)
        if isinstance(simple, cst.Import | cst.ImportFrom) or (number == 0 and is_text):
            place = number + 1
        elif isinstance(each, cst.FunctionDef | cst.ClassDef):
            break
    return place
