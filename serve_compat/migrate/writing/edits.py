"""Changes to a module that are decided first and made in one pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import libcst as cst

Change = Callable[[cst.CSTNode], cst.CSTNode]
_Body = list[cst.BaseStatement]
Insertion = Callable[[], Sequence[cst.BaseStatement]]


class Edits:
    """Replacements, removals and insertions, by node of the parsed module."""

    def __init__(self) -> None:
        self._changes: dict[cst.CSTNode, list[Change]] = {}
        self.removed: set[cst.CSTNode] = set()
        self._before: dict[cst.CSTNode, list[Insertion]] = {}
        self._beside: dict[cst.CSTNode, cst.CSTNode] = {}

    def __bool__(self) -> bool:
        return bool(self._changes or self.removed or self._before)

    def change(self, node: cst.CSTNode, change: Change) -> None:
        """Change a node; the function gets it with all changes below it made, and earlier ones of its own."""
        self._changes.setdefault(node, []).append(change)

    def replace(self, node: cst.CSTNode, new: cst.CSTNode) -> None:
        """Put another node in the place of this one."""
        self.change(node, lambda _: new)

    def remove(self, statement: cst.CSTNode, beside: cst.CSTNode | None = None) -> None:
        """Take a small or compound statement out; comments above it stay. An empty block gets `pass`.

        Args:
            beside: the line that takes over the comment behind the statement, where it stands directly above.
        """
        self.removed.add(statement)
        if beside is not None:
            self._beside[statement] = beside

    def insert_before(self, statement: cst.CSTNode, new: Insertion) -> None:
        """Put statements before a line or compound statement; they are made when everything else is decided."""
        self._before.setdefault(statement, []).append(new)

    def apply(self, node: cst.CSTNode) -> cst.CSTNode:
        """The node, a whole module or a part of it, with the changes in it made."""
        done = node.visit(_Apply(self))
        assert isinstance(done, cst.CSTNode)
        return done

    def expression(self, node: cst.BaseExpression) -> cst.BaseExpression:
        """An expression with the changes in it made, for use in another place."""
        done = self.apply(node)
        assert isinstance(done, cst.BaseExpression)
        return done

    def changed(self, original: cst.CSTNode, updated: cst.CSTNode) -> cst.CSTNode:
        """One node with its own changes made."""
        for change in self._changes.get(original, ()):
            updated = change(updated)
        return updated

    def body(
        self, original: Sequence[cst.BaseStatement], updated: Sequence[cst.BaseStatement], gap: int
    ) -> _Body | None:
        """A block's statements after insertions and removals; None when there are none in it.

        Args:
            gap: how many blank lines separate definitions here.
        """
        if not any(self._touches(each) for each in original):
            return None
        made: _Body = []
        left: list[cst.EmptyLine] = []
        above: cst.CSTNode | None = None
        for old, new in zip(original, updated, strict=True):
            inserted = [each for insertion in self._before.get(old, ()) for each in insertion()]
            if inserted:
                inserted[0] = inserted[0].with_changes(leading_lines=_apart(inserted[0], _leading(new), made, gap))
                new = new.with_changes(leading_lines=_gap(inserted[-1], gap))
            made += inserted
            kept = self._kept(old, new)
            if kept is None and made and not left and self._stands_beside(old, above):
                made[-1] = made[-1].with_changes(trailing_whitespace=new.trailing_whitespace)  # type: ignore[attr-defined]
                continue
            if kept is None:
                left = _merged(left, _leading(new))
                left.extend(_trailing_comment(new))
                continue
            above = old
            if left:
                kept = kept.with_changes(leading_lines=_merged(left, _leading(kept)))
                left = []
            made.append(kept)
        self._left = left
        return made

    def take_left(self) -> list[cst.EmptyLine]:
        """Comments above statements that were removed at the end of the block that `body` made last."""
        left, self._left = self._left, []
        return [each for each in left if each.comment is not None] and left

    _left: list[cst.EmptyLine] = []

    def _stands_beside(self, line: cst.BaseStatement, above: cst.CSTNode | None) -> bool:
        """Whether the comment behind a line that goes belongs behind the one above it."""
        if not isinstance(line, cst.SimpleStatementLine) or not isinstance(above, cst.SimpleStatementLine):
            return False
        wanted = {self._beside.get(each) for each in line.body}
        free = above.trailing_whitespace.comment is None and line.trailing_whitespace.comment is not None
        return wanted == {above} and free and not line.leading_lines

    def _touches(self, statement: cst.CSTNode) -> bool:
        if statement in self._before or statement in self.removed:
            return True
        return isinstance(statement, cst.SimpleStatementLine) and any(each in self.removed for each in statement.body)

    def _kept(self, old: cst.BaseStatement, new: cst.BaseStatement) -> cst.BaseStatement | None:
        if old in self.removed:
            return None
        if not isinstance(old, cst.SimpleStatementLine) or not isinstance(new, cst.SimpleStatementLine):
            return new
        if not any(each in self.removed for each in old.body):
            return new
        small = [n for o, n in zip(old.body, new.body, strict=True) if o not in self.removed]
        if not small:
            return None
        small[-1] = small[-1].with_changes(semicolon=cst.MaybeSentinel.DEFAULT)
        return new.with_changes(body=small)


class _Apply(cst.CSTTransformer):
    def __init__(self, edits: Edits) -> None:
        super().__init__()
        self._edits = edits

    def on_leave(self, original_node: cst.CSTNode, updated_node: Any) -> Any:  # libcst's own type is wider
        if isinstance(original_node, (cst.Module, cst.IndentedBlock)):
            gap = 2 if isinstance(original_node, cst.Module) else 1
            body = self._edits.body(original_node.body, updated_node.body, gap)
            if body is not None:
                updated_node = _with_body(updated_node, body, self._edits.take_left())
        elif isinstance(original_node, cst.SimpleStatementSuite):
            kept = [
                n for o, n in zip(original_node.body, updated_node.body, strict=True) if o not in self._edits.removed
            ]
            if len(kept) < len(original_node.body):
                updated_node = updated_node.with_changes(body=kept or [cst.Pass()])
        return self._edits.changed(original_node, updated_node)


def _with_body(block: cst.CSTNode, body: _Body, left: list[cst.EmptyLine]) -> cst.CSTNode:
    if isinstance(block, cst.IndentedBlock):
        if not body:
            body = [cst.SimpleStatementLine([cst.Pass()], leading_lines=left)]
            left = []
        return block.with_changes(body=body, footer=[*left, *block.footer])
    assert isinstance(block, cst.Module)
    return block.with_changes(body=body, footer=[*left, *block.footer])


def _gap(above: cst.CSTNode, gap: int) -> list[cst.EmptyLine]:
    """The blank lines below something inserted, where that is a definition."""
    return [cst.EmptyLine(indent=False)] * gap if isinstance(above, cst.BaseCompoundStatement) else []


def _apart(first: cst.CSTNode, lines: list[cst.EmptyLine], above: _Body, gap: int) -> list[cst.EmptyLine]:
    """The lines above something inserted, blank ones added where a definition follows something else."""
    if not isinstance(first, cst.BaseCompoundStatement) or not above:
        return lines
    blank = next((n for n, each in enumerate(lines) if each.comment is not None), len(lines))
    return [*[cst.EmptyLine(indent=False)] * max(gap - blank, 0), *lines]


def _leading(statement: cst.CSTNode) -> list[cst.EmptyLine]:
    return list(getattr(statement, "leading_lines", ()))


def _trailing_comment(statement: cst.CSTNode) -> list[cst.EmptyLine]:
    if isinstance(statement, cst.SimpleStatementLine) and statement.trailing_whitespace.comment is not None:
        return [cst.EmptyLine(indent=True, comment=statement.trailing_whitespace.comment)]
    return []


def _merged(first: list[cst.EmptyLine], second: list[cst.EmptyLine]) -> list[cst.EmptyLine]:
    """Lines above two statements that become one: all comments, and the wider of two gaps that meet."""
    if any(each.comment is not None for each in first):
        return [*first, *second]
    blank = next((n for n, each in enumerate(second) if each.comment is not None), len(second))
    return second if blank >= len(first) else [*first, *second[blank:]]
