"""Changes to a module that are decided first and made in one pass: the only place where code is rewritten."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import libcst as cst

from serve_compat.migrate.writing.quotes import requoted
from serve_compat.migrate.writing.texts import blank_above, blank_lines

Change = Callable[[Any], Any]
Insertion = Callable[[], Sequence[cst.BaseStatement]]
_Pair = tuple[cst.BaseStatement, list[cst.BaseStatement]]
_Body = list[cst.BaseStatement]
_Lines = list[cst.EmptyLine]


class Edits:
    """Replacements, removals, insertions and moves, by node of the parsed module."""

    def __init__(self) -> None:
        self.changes: dict[cst.CSTNode, list[Change]] = {}
        self.removed: set[cst.CSTNode] = set()
        self.before: dict[cst.CSTNode, list[Insertion]] = {}
        self.behind: dict[cst.CSTNode, list[Insertion]] = {}
        self.beside: dict[cst.CSTNode, cst.CSTNode] = {}
        self.moved: dict[cst.BaseStatement, cst.BaseStatement] = {}

    def __bool__(self) -> bool:
        return bool(self.changes or self.removed or self.before or self.behind or self.moved)

    def change(self, node: cst.CSTNode, change: Change) -> None:
        """Change a node; the function gets it with all changes below it made, and earlier ones of its own.

        Of a statement it may give a list of statements, which may be empty.
        """
        self.changes.setdefault(node, []).append(change)

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
            self.beside[statement] = beside

    def drop(self, line: cst.CSTNode) -> None:
        """Take a line out with the blank lines above it; where it has comments, they stay with a `pass`."""
        if _dropped not in self.changes.get(line, ()):
            self.change(line, _dropped)

    def insert_before(self, statement: cst.CSTNode, new: Insertion) -> None:
        """Put statements before a line or compound statement; they are made when everything else is decided."""
        self.before.setdefault(statement, []).append(new)

    def insert_behind(self, statement: cst.CSTNode, new: Insertion) -> None:
        """Put statements behind a line or compound statement, with their own blank lines."""
        self.behind.setdefault(statement, []).append(new)

    def move(self, line: cst.BaseStatement, before: cst.BaseStatement) -> None:
        """Move a line in front of an earlier one of the same block; what stands above the two stays in its place."""
        self.moved[line] = before

    def apply(self, node: cst.CSTNode) -> cst.CSTNode:
        """The node, a whole module or a part of it, with the changes in it made."""
        done = node.visit(_Apply(self))
        assert isinstance(done, cst.CSTNode)
        return done

    def module(self, module: cst.Module) -> cst.Module:
        """The module with all changes made; the very same one where there are none."""
        return module.visit(_Apply(self)) if self else module

    def expression(self, node: cst.BaseExpression) -> cst.BaseExpression:
        """An expression with the changes in it made, for use in another place."""
        done = self.apply(node)
        assert isinstance(done, cst.BaseExpression)
        return done


class _Apply(cst.CSTTransformer):
    def __init__(self, edits: Edits) -> None:
        super().__init__()
        self._edits = edits
        self._several: dict[cst.CSTNode, list[cst.BaseStatement]] = {}  # what has become of a statement, if not one

    def on_leave(self, original_node: cst.CSTNode, updated_node: Any) -> Any:  # libcst's own type is wider
        kind = type(original_node)
        if kind is cst.Module or kind is cst.IndentedBlock:
            updated_node = self._block(original_node, updated_node)
        elif kind is cst.SimpleStatementSuite:
            kept = self._small(original_node, updated_node)
            if len(kept) < len(updated_node.body):
                updated_node = updated_node.with_changes(body=kept or [cst.Pass()])
        elif isinstance(updated_node, cst.FormattedString) and updated_node is not original_node:
            updated_node = requoted(original_node, updated_node)  # type: ignore[arg-type]
        for change in self._edits.changes.get(original_node, ()):
            updated_node = change(updated_node)
        if isinstance(updated_node, list):
            self._several[original_node] = updated_node
            return original_node
        return updated_node

    def _block(self, original: Any, updated: Any) -> Any:
        """A block after moves, removals and insertions."""
        if not any(self._is_touched(each) for each in original.body):
            return updated
        gap = 2 if isinstance(original, cst.Module) else 1
        made: _Body = []
        left: _Lines = []  # comments above statements that are gone
        above: cst.CSTNode | None = None
        for old, parts in self._moved(original.body, updated.body):
            inserted = self._inserted(old, gap)
            if inserted and parts:
                inserted[0] = _led(inserted[0], _apart(inserted[0], _leading(parts[0]), made, gap))
                parts = [_led(parts[0], _gap(inserted[-1], gap)), *parts[1:]]
                made += inserted
            kept = self._kept(old, parts)
            if not kept and parts and made and not left and self._stands_beside(old, above):
                made[-1] = made[-1].with_changes(trailing_whitespace=parts[0].trailing_whitespace)  # type: ignore[attr-defined]
            elif not kept and parts:
                left = [*_merged(left, _leading(parts[0])), *_trailing_comment(parts[0])]
            elif kept:
                above = old
                made += [_led(kept[0], _merged(left, _leading(kept[0]))), *kept[1:]] if left else kept
                left = []
            made += [each for insertion in self._edits.behind.get(old, ()) for each in insertion()]
        left = left if any(each.comment is not None for each in left) else []
        is_emptied = not made and isinstance(original, cst.IndentedBlock)
        if is_emptied and any(each not in self._several for each in original.body):
            made, left = [cst.SimpleStatementLine([cst.Pass()], leading_lines=left)], []
        return updated.with_changes(body=made, footer=[*left, *updated.footer])

    def _inserted(self, statement: cst.BaseStatement, gap: int) -> _Body:
        """What is inserted before a statement, definitions set apart from what follows them."""
        made: _Body = []
        for each in [each for insertion in self._edits.before.get(statement, ()) for each in insertion()]:
            made.append(_led(each, _gap(made[-1], gap)) if made and not _leading(each) else each)
        return made

    def _is_touched(self, statement: cst.CSTNode) -> bool:
        edits = self._edits
        if statement in edits.before or statement in edits.removed or statement in self._several:
            return True
        if statement in edits.behind or statement in edits.moved:
            return True
        return isinstance(statement, cst.SimpleStatementLine) and any(each in edits.removed for each in statement.body)

    def _moved(self, original: Sequence[cst.BaseStatement], updated: Sequence[cst.BaseStatement]) -> list[_Pair]:
        """Each statement with what has become of it, in the new order."""
        pairs = [(old, self._several.get(old, [new])) for old, new in zip(original, updated, strict=True)]
        for line, other in self._edits.moved.items():
            if line in original:
                olds = [old for old, _ in pairs]
                _, [moving] = pairs.pop(olds.index(line))
                place = olds.index(other)
                _, [staying] = pairs[place]
                first = (line, [_led(moving, _leading(staying))])
                pairs[place : place + 1] = [first, (other, [_led(staying, _leading(moving))])]
        return pairs

    def _stands_beside(self, line: cst.BaseStatement, above: cst.CSTNode | None) -> bool:
        """Whether the comment behind a line that goes belongs behind the one above it."""
        if not isinstance(line, cst.SimpleStatementLine) or not isinstance(above, cst.SimpleStatementLine):
            return False
        wanted = {self._edits.beside.get(each) for each in line.body}
        free = above.trailing_whitespace.comment is None and line.trailing_whitespace.comment is not None
        return wanted == {above} and free and not line.leading_lines

    def _kept(self, old: cst.BaseStatement, parts: list[cst.BaseStatement]) -> list[cst.BaseStatement]:
        """What stays of a statement."""
        if old in self._edits.removed:
            return []
        new = parts[0] if len(parts) == 1 else None
        if not isinstance(old, cst.SimpleStatementLine) or not isinstance(new, cst.SimpleStatementLine):
            return parts
        if not any(each in self._edits.removed for each in old.body):
            return parts
        small = self._small(old, new)
        if not small:
            return []
        small[-1] = small[-1].with_changes(semicolon=cst.MaybeSentinel.DEFAULT)
        return [new.with_changes(body=small)]

    def _small(self, original: Any, updated: Any) -> list[cst.BaseSmallStatement]:
        pairs = zip(original.body, updated.body, strict=True)
        return [new for old, new in pairs if old not in self._edits.removed]


def _dropped(line: Any) -> Any:
    if any(each.comment for each in line.leading_lines) or line.trailing_whitespace.comment:
        return line.with_changes(body=[cst.Pass()])
    return []


def _led(statement: cst.BaseStatement, lines: Sequence[cst.EmptyLine]) -> cst.BaseStatement:
    return statement.with_changes(leading_lines=lines)


def _gap(above: cst.CSTNode, gap: int) -> _Lines:
    """The blank lines below something inserted, where that is a definition."""
    return blank_lines(gap) if isinstance(above, cst.BaseCompoundStatement) else []


def _apart(first: cst.CSTNode, lines: _Lines, above: _Body, gap: int) -> _Lines:
    """The lines above something inserted, blank ones added where a definition follows something else."""
    if not isinstance(first, cst.BaseCompoundStatement) or not above:
        return lines
    return [*blank_lines(gap - blank_above(lines)), *lines]


def _leading(statement: cst.CSTNode) -> _Lines:
    return list(getattr(statement, "leading_lines", ()))


def _trailing_comment(statement: cst.CSTNode) -> _Lines:
    if isinstance(statement, cst.SimpleStatementLine) and statement.trailing_whitespace.comment is not None:
        return [cst.EmptyLine(indent=True, comment=statement.trailing_whitespace.comment)]
    return []


def _merged(first: _Lines, second: _Lines) -> _Lines:
    """Lines above two statements that become one: all comments, and the wider of two gaps that meet."""
    if any(each.comment is not None for each in first):
        return [*first, *second]
    blank = blank_above(second)
    return second if blank >= len(first) else [*first, *second[blank:]]
