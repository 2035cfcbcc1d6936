"""`# TODO(serve-compat SC107): ...` above a statement that could not be rewritten: written once."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, TypeVar

import libcst as cst

from serve_compat.migrate.rule import Rule

MARK = "# TODO(serve-compat "
_MARKED = re.compile(r"#\s*TODO\(serve-compat\b")

Statement = TypeVar("Statement", bound=cst.CSTNode)


def comment(rule: Rule, message: str) -> str:
    """The text of the comment: one line."""
    return f"{MARK}{rule.id}): {' '.join(message.split())}"


def is_marked(statement: cst.CSTNode) -> bool:
    """Whether a TODO of ours stands above the statement."""
    lines = getattr(statement, "leading_lines", ())
    return any(line.comment is not None and _MARKED.match(line.comment.value) for line in lines)


def mark(statement: Statement, rule: Rule, message: str) -> Statement:
    """The statement with a TODO directly above it; unchanged where it has one already, of whichever rule.

    Args:
        statement: a SimpleStatementLine or compound statement (anything with `leading_lines`); others come back as is.
    """
    if not hasattr(statement, "leading_lines") or is_marked(statement):
        return statement
    lines = list(statement.leading_lines)
    lines.append(cst.EmptyLine(comment=cst.Comment(comment(rule, message))))
    return statement.with_changes(leading_lines=lines)


def mark_all(module: cst.Module, places: Iterable[tuple[cst.CSTNode, Rule, str]]) -> cst.Module:
    """The module with TODOs above the statements that hold the nodes.

    Args:
        places: (node of this module, rule, message). One statement gets one TODO, the first.
    """
    wanted: dict[cst.CSTNode, tuple[Rule, str]] = {}
    for node, rule, message in places:
        wanted.setdefault(node, (rule, message))
    if not wanted:
        return module
    return module.visit(_Marker(wanted))


class _Marker(cst.CSTTransformer):
    def __init__(self, wanted: dict[cst.CSTNode, tuple[Rule, str]]) -> None:
        super().__init__()
        self._wanted = wanted
        self._open: list[tuple[Rule, str] | None] = []

    def on_visit(self, node: cst.CSTNode) -> bool:
        if _takes_a_comment(node):
            self._open.append(None)
        if node in self._wanted and self._open and self._open[-1] is None:
            self._open[-1] = self._wanted[node]
        return True

    def on_leave(
        self, original_node: cst.CSTNode, updated_node: Any
    ) -> Any:  # libcst's own type is wider than its base
        if _takes_a_comment(original_node):
            found = self._open.pop()
            if found is not None:
                return mark(updated_node, *found)
        return updated_node


def _takes_a_comment(node: cst.CSTNode) -> bool:
    return isinstance(node, cst.SimpleStatementLine | cst.BaseCompoundStatement)


def single(text: str) -> str:
    """The text with only the first of several TODOs of ours that follow each other directly.

    A comment above the first statement of a file belongs to the file, not to the statement, so that `mark` cannot
    see it.
    """
    kept: list[str] = []
    for line in text.splitlines(keepends=True):
        if _MARKED.match(line.lstrip()) and kept and _MARKED.match(kept[-1].lstrip()):
            continue
        kept.append(line)
    return "".join(kept)
