"""`# TODO(serve-compat SC107): ...` above a statement that could not be rewritten: written once."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import partial
from typing import TypeVar

import libcst as cst

from serve_compat.migrate.analysis.tree import Tree
from serve_compat.migrate.rule import Rule
from serve_compat.migrate.writing.edits import Edits

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


def plan(edits: Edits, tree: Tree, places: Iterable[tuple[cst.CSTNode, Rule, str]]) -> None:
    """Plan TODOs above the statements that hold the nodes.

    Args:
        places: (node of the tree, rule, message). One statement gets one TODO, that of its first node.
    """
    for node, rule, message in sorted(places, key=lambda place: tree.order.get(place[0], 0)):
        line = tree.statement(node)
        if line is not None:
            edits.change(line, partial(mark, rule=rule, message=message))


def mark_all(tree: Tree, places: Iterable[tuple[cst.CSTNode, Rule, str]]) -> cst.Module:
    """The module with TODOs above the statements that hold the nodes; see plan."""
    edits = Edits()
    plan(edits, tree, places)
    return edits.module(tree.module)


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
