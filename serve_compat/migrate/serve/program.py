"""One file on its way to stock Ray Serve: what is known about it, what will change, and what forbids the change."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import libcst as cst

from serve_compat.migrate.analysis.infer import Inference
from serve_compat.migrate.analysis.tree import Tree
from serve_compat.migrate.analysis.uses import Uses
from serve_compat.migrate.analysis.values import Deployment, Value
from serve_compat.migrate.rule import Rule

Change = Callable[[cst.CSTNode], cst.CSTNode]
Place = tuple[cst.CSTNode, Rule, str]  # node, rule, message


@dataclass
class Options:
    """What the command line says about the stage.

    Attributes:
        pin: write down old defaults that today's Ray has changed.
        notebook: top-level code runs inside an event loop.
        force: convert the file although nothing in it is old by itself: it belongs to files that are.
        foreign: the deployment that an imported name stands for, where another given file defines it.
    """

    pin: bool = True
    notebook: bool = False
    force: bool = False
    foreign: Callable[[str], Deployment | None] = lambda name: None


@dataclass
class Program:
    """The file's analysis, and the changes collected so far.

    Attributes:
        changes: what each node becomes; a change gets the node with the changes of its children made.
        before: the source of new statements in front of a statement.
        dropped: statements to leave out.
        needs: (class, what it takes a handle of in its constructor).
        moved: statements that go in front of an earlier one of the same block.
        helpers: functions that the file gets below its imports: source by name.
        notes: what was done, for the report.
        blockers: why the file cannot go to stock Ray Serve.
        settled: nodes that go away with what is around them, so that their names do not matter.
        old: whether anything of an old release was found at all.
    """

    tree: Tree
    options: Options
    infer: Inference = field(init=False)
    uses: Uses = field(init=False)
    changes: dict[cst.CSTNode, list[Change]] = field(default_factory=dict)
    before: dict[cst.CSTNode, list[str]] = field(default_factory=dict)
    dropped: set[cst.CSTNode] = field(default_factory=set)
    moved: dict[cst.CSTNode, cst.CSTNode] = field(default_factory=dict)
    needs: set[tuple[object, object]] = field(default_factory=set)
    imports: set[str] = field(default_factory=set)
    helpers: dict[str, str] = field(default_factory=dict)
    notes: list[Place] = field(default_factory=list)
    blockers: list[Place] = field(default_factory=list)
    settled: set[cst.CSTNode] = field(default_factory=set)
    old: bool = False

    def __post_init__(self) -> None:
        self.infer = Inference(self.tree, self.options.foreign)
        self.uses = Uses(self.tree, self.infer)

    def change(self, node: cst.CSTNode, rule: Rule, message: str, change: Change) -> None:
        """Plan a change of the node, after those planned for it already."""
        self.follow(node, rule, message, change)
        self.old = True

    def follow(self, node: cst.CSTNode, rule: Rule, message: str, change: Change) -> None:
        """The same for a change that old programs need, although it is no sign of one by itself."""
        self.changes.setdefault(node, []).append(change)
        self.notes.append((node, rule, message))

    def receivers(self, method: str) -> Iterator[tuple[cst.Call, Value]]:
        """Every call of a method of that name, with each value that it may be a method of."""
        for call in self.infer.calls.by_name.get(method, ()):
            for value in self.infer.of(call.func.value) if isinstance(call.func, cst.Attribute) else ():
                yield call, value

    def block(self, node: cst.CSTNode, rule: Rule, message: str) -> None:
        """Something here has no safe equivalent: the file stays on serve_compat. One place of each kind counts."""
        if (rule, message) not in {(other, why) for _, other, why in self.blockers}:
            self.blockers.append((node, rule, message))

    def code(self, node: cst.CSTNode) -> str:
        """The source of a node."""
        return self.tree.module.code_for_node(node)

    def in_loop(self, node: cst.CSTNode) -> bool:
        """Does the expression run where `await` is possible: in a coroutine function, or at the top of a notebook?"""
        function = self.tree.enclosing_function(node)
        if function is None:
            return self.options.notebook
        return isinstance(function, cst.FunctionDef) and function.asynchronous is not None

    def result(self) -> cst.Module:
        """The module with all changes made."""
        changed = self.tree.module.visit(_Changer(self))
        return with_imports(changed, sorted(self.imports), list(self.helpers.values()))


class _Changer(cst.CSTTransformer):
    def __init__(self, program: Program) -> None:
        super().__init__()
        self._program = program
        self._lines: dict[cst.CSTNode, Any] = {}

    def on_leave(self, original_node: cst.CSTNode, updated_node: Any) -> Any:
        left = self._leave(original_node, updated_node)
        if isinstance(original_node, cst.SimpleStatementLine) and self._program.moved:
            self._lines[original_node] = left
        return left

    def _leave(self, original_node: cst.CSTNode, updated_node: Any) -> Any:
        if isinstance(original_node, cst.Module | cst.IndentedBlock):
            updated_node = self._reordered(original_node, updated_node)
        for change in self._program.changes.get(original_node, ()):
            updated_node = change(updated_node)
        if isinstance(updated_node, cst.FormattedStringExpression) and updated_node is not original_node:
            outer = self._program.tree.parents[original_node]
            updated_node = updated_node.with_changes(expression=_requoted(updated_node.expression, outer))
        if original_node in self._program.dropped:
            return _without(updated_node)
        added = self._program.before.get(original_node)
        if added:
            lines = [each for text in added for each in cst.parse_module(text).body]
            lines[0] = lines[0].with_changes(leading_lines=updated_node.leading_lines)
            lines.append(updated_node.with_changes(leading_lines=[]))
            for number, each in enumerate(lines[1:], 1):
                if isinstance(lines[number - 1], cst.ClassDef):
                    lines[number] = each.with_changes(leading_lines=[cst.EmptyLine(indent=False)] * 2)
            return cst.FlattenSentinel(lines)
        return updated_node

    def _reordered(self, block: cst.Module | cst.IndentedBlock, updated: Any) -> Any:
        body = list(updated.body)
        for line, other in self._program.moved.items():
            if line not in block.body:
                continue
            moving, staying = self._lines[line], self._lines[other]
            body.remove(moving)
            self._lines[other] = staying.with_changes(leading_lines=moving.leading_lines)
            place = body.index(staying)
            body[place : place + 1] = [moving.with_changes(leading_lines=staying.leading_lines), self._lines[other]]
        return updated.with_changes(body=body) if body != list(updated.body) else updated


def _requoted(made: cst.BaseExpression, outer: cst.CSTNode) -> cst.BaseExpression:
    """The expression without the quotes of the f-string around it, which older Pythons do not allow inside."""
    if not isinstance(outer, cst.FormattedString) or len(outer.end) > 1:
        return made
    changed = made.visit(_Requoter(outer.end))
    assert isinstance(changed, cst.BaseExpression)
    return changed


class _Requoter(cst.CSTTransformer):
    def __init__(self, quote: str) -> None:
        super().__init__()
        self._quote = quote
        self._other = "'" if quote == '"' else '"'

    def leave_SimpleString(  # noqa: N802  # the name is LibCST's
        self, original_node: cst.SimpleString, updated_node: cst.SimpleString
    ) -> cst.SimpleString:
        plain = original_node.quote == self._quote and self._other not in original_node.value
        return (
            updated_node.with_changes(value=original_node.value.replace(self._quote, self._other))
            if plain
            else updated_node
        )

    def leave_FormattedString(  # noqa: N802  # the name is LibCST's
        self, original_node: cst.FormattedString, updated_node: cst.FormattedString
    ) -> cst.FormattedString:
        if original_node.end != self._quote:
            return updated_node
        start = updated_node.start.replace(self._quote, self._other)
        return updated_node.with_changes(start=start, end=self._other)


def _without(line: cst.SimpleStatementLine) -> cst.SimpleStatementLine | cst.RemovalSentinel:
    """Nothing, or a `pass` that carries the comments of the statement that goes."""
    if any(each.comment for each in line.leading_lines) or line.trailing_whitespace.comment:
        return line.with_changes(body=[cst.Pass()])
    return cst.RemoveFromParent()


def becomes(made: cst.CSTNode) -> Change:
    """The change of a node into one that is made already."""
    return lambda updated: made


def statement(text: str) -> cst.SimpleStatementLine:
    """The statement of a line of source."""
    made = cst.parse_statement(text)
    assert isinstance(made, cst.SimpleStatementLine)
    return made


def with_imports(module: cst.Module, lines: list[str], helpers: list[str] | None = None) -> cst.Module:
    """The module with the import lines it lacks, after its last import at the top, and then the helpers it lacks."""
    have = {module.code_for_node(each).strip() for each in module.body}
    added: list[cst.SimpleStatementLine | cst.BaseCompoundStatement] = [
        statement(each) for each in lines if each not in have
    ]
    blank = [cst.EmptyLine(indent=False)] * 2
    made = [each for text in helpers or () if text.strip() not in have for each in cst.parse_module(text).body]
    if not added and not made:
        return module
    body = list(module.body)
    place = 0
    for number, each in enumerate(body):
        simple = each.body[0] if isinstance(each, cst.SimpleStatementLine) else None
        is_text = isinstance(simple, cst.Expr) and isinstance(simple.value, cst.BaseString)
        if isinstance(simple, cst.Import | cst.ImportFrom) or (number == 0 and is_text):
            place = number + 1
        else:
            break
    if made and place < len(body):
        rest = getattr(body[place], "leading_lines", ())
        first = next((number for number, each in enumerate(rest) if each.comment is not None), len(rest))
        body[place] = body[place].with_changes(leading_lines=[*blank, *rest[first:]])
    body[place:place] = [*added, *(each.with_changes(leading_lines=blank) for each in made)]
    return module.with_changes(body=body)
