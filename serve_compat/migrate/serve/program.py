"""One file on its way to stock Ray Serve: what is known about it, what will change, and what forbids the change."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import libcst as cst

from serve_compat.migrate.analysis.infer import Inference
from serve_compat.migrate.analysis.tree import Tree
from serve_compat.migrate.analysis.uses import Uses, is_load
from serve_compat.migrate.analysis.values import Deployment, Value, Values
from serve_compat.migrate.rule import Rule
from serve_compat.migrate.writing.edits import Change, Edits
from serve_compat.migrate.writing.imports import with_helpers, with_imports

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
        needs: (class, what it takes a handle of in its constructor).
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
    edits: Edits = field(default_factory=Edits)
    needs: set[tuple[object, object]] = field(default_factory=set)
    imports: set[str] = field(default_factory=set)
    helpers: dict[str, str] = field(default_factory=dict)
    notes: list[Place] = field(default_factory=list)
    blockers: list[Place] = field(default_factory=list)
    settled: set[cst.CSTNode] = field(default_factory=set)
    old: bool = False
    _inserted: set[tuple[cst.CSTNode, str]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.infer = Inference(self.tree, self.options.foreign)
        self.uses = Uses(self.tree, self.infer)

    def change(self, node: cst.CSTNode, rule: Rule, message: str, change: Change) -> None:
        """Plan a change of the node, after those planned for it already."""
        self.follow(node, rule, message, change)
        self.old = True

    def follow(self, node: cst.CSTNode, rule: Rule, message: str, change: Change) -> None:
        """The same for a change that old programs need, although it is no sign of one by itself."""
        self.edits.change(node, change)
        self.notes.append((node, rule, message))

    def insert(self, line: cst.CSTNode, source: str) -> None:
        """Plan new statements in front of a line; the same ones once."""
        if (line, source) not in self._inserted:
            self._inserted.add((line, source))
            self.edits.insert_before(line, lambda: list(cst.parse_module(source).body))

    def receivers(self, method: str) -> Iterator[tuple[cst.Call, Value]]:
        """Every call of a method of that name, with each value that it may be a method of."""
        for call in self.infer.calls.by_name.get(method, ()):
            for value in self.infer.of(call.func.value) if isinstance(call.func, cst.Attribute) else ():
                yield call, value

    def loads(self) -> Iterator[tuple[cst.BaseExpression, Values]]:
        """Every expression that is evaluated, with what it may stand for."""
        return ((node, self.infer.of(node)) for node in self.tree.expressions() if is_load(self.tree, node))

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
        changed = self.edits.module(self.tree.module)
        return with_helpers(with_imports(changed, sorted(self.imports), among_others=False), self.helpers)


def becomes(made: cst.CSTNode) -> Change:
    """The change of a node into one that is made already."""
    return lambda updated: made
