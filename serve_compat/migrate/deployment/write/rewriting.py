"""The changes of one file while they are collected: edits, imports, helpers, names that may become useless."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeGuard

import libcst as cst

from serve_compat.migrate.analysis.children import walk
from serve_compat.migrate.analysis.expressions import code_of
from serve_compat.migrate.deployment.decide.files import Files
from serve_compat.migrate.deployment.decide.pair import Pair
from serve_compat.migrate.deployment.find.file import Analysis
from serve_compat.migrate.deployment.find.loops import goes_over_things
from serve_compat.migrate.deployment.find.operations import Operation
from serve_compat.migrate.findings import Action
from serve_compat.migrate.rule import Rule
from serve_compat.migrate.writing.edits import Edits
from serve_compat.migrate.writing.texts import comments_in, expression

_SERVE = ("serve_compat", "ray.serve", "ray.experimental.serve")


@dataclass(eq=False)
class Rewriting:
    """One file on its way.

    Attributes:
        imports: lines that the file needs.
        helpers: functions and classes that the file needs, by name, with what is needed of them.
        useless: plain names and `self.x` that are assigned, and may be used by nothing any more.
        useless_params: functions with parameters that brought clients.
        is_started_anew: no client is needed any more.
        guards: the lines that refuse other HTTP methods, of lambdas that become functions.
        guarded: functions that have such lines already.
        calls: calls of handles that are planned, and whether they need the class of requests.
    """

    file: Analysis
    files: Files
    edits: Edits = field(default_factory=Edits)
    imports: set[str] = field(default_factory=set)
    helpers: dict[str, set[str]] = field(default_factory=dict)
    useless: set[str] = field(default_factory=set)
    useless_params: set[tuple[str, str]] = field(default_factory=set)
    is_started_anew: bool = False
    guards: dict[Pair, list[str]] = field(default_factory=dict)
    guarded: set[cst.CSTNode] = field(default_factory=set)
    calls: dict[cst.CSTNode, bool] = field(default_factory=dict)

    def report(self, rule: Rule, node: cst.CSTNode, message: str, action: Action = "changed") -> None:
        """Tell what was done."""
        self.file.file.report(rule, node, message, action)

    def serve(self, node: cst.CSTNode) -> str:
        """How the file calls serve_compat at a place."""
        name = self.file.tree.scopes[node].import_name(lambda binding: binding.target in _SERVE)
        if name is None:
            self.imports.add("import serve_compat as serve")
        return "ray.serve" if name == "ray" else name or "serve"

    def note_names(self, operations: Iterable[Operation]) -> None:
        """What the arguments of calls that are rewritten name may be used by nothing afterwards."""
        for operation in operations:
            self.useless |= {each.value for arg in operation.call.args for each in walk(arg.value) if _is_plain(each)}

    def code(self, node: cst.BaseExpression) -> str:
        """An expression's source with the changes in it made."""
        return code_of(self.edits.expression(node))

    def drop(self, call: cst.Call, beside: cst.Call | None = None) -> None:
        """Take out a statement that is one call; and what stood around it only for its sake.

        Args:
            beside: the call whose line takes over the comments in it and behind it.
        """
        small = self.file.small(call)
        line = self.file.line(call)
        if small is None or line is None:
            return
        around = self._around(line)
        taker = self.file.line(beside) if beside is not None else None
        self._keep_comments(call, around if taker is None else taker)
        self.edits.remove(around if around is not line else small, taker)

    def _around(self, line: cst.BaseStatement) -> cst.BaseStatement:
        """The `try` or `if` that holds nothing but this line, or the line itself."""
        if not isinstance(line, cst.SimpleStatementLine) or len(line.body) > 1:
            return line
        block = self.file.tree.parents.get(line)
        owner = self.file.tree.parents.get(block) if block is not None else None
        if not isinstance(block, cst.IndentedBlock) or len(block.body) > 1:
            return line
        if isinstance(owner, cst.Try) and owner.body is block and owner.finalbody is None and owner.orelse is None:
            return owner
        if (
            isinstance(owner, cst.If)
            and owner.orelse is None
            and owner.body is block
            and self._is_about_serve(owner.test)
        ):
            return owner
        loops = isinstance(owner, cst.For) and owner.orelse is None and owner.body is block
        if loops and isinstance(owner, cst.For) and (goes_over_things(owner) or self._is_about_serve(owner.iter)):
            return owner
        return line

    def _is_about_serve(self, test: cst.BaseExpression) -> bool:
        listed = test.comparisons[0].comparator if isinstance(test, cst.Comparison) else test
        return any(
            isinstance(each, cst.Call) and self.file.names.serve_name(each.func) in ("list_backends", "list_endpoints")
            for each in walk(listed)
        )

    def put(self, call: cst.Call, code: str) -> None:
        """Write another expression in the place of a call."""
        self.keep_comments(call)
        self.edits.replace(call, expression(code))

    def keep_comments(self, call: cst.Call) -> None:
        """Let comments inside a call that changes stand above its statement."""
        line = self.file.line(call)
        if line is not None:
            self._keep_comments(call, line)

    def _keep_comments(self, call: cst.Call, line: cst.BaseStatement) -> None:
        found = comments_in(call)
        if not found or not hasattr(line, "leading_lines"):
            return

        def lead(updated: cst.CSTNode) -> cst.CSTNode:
            lines = [cst.EmptyLine(comment=cst.Comment(each)) for each in found]
            return updated.with_changes(leading_lines=[*updated.leading_lines, *lines])  # type: ignore[attr-defined]

        self.edits.change(line, lead)

    def knows(self, pair: Pair, node: cst.CSTNode) -> str:
        """How a place names a pair's deployment: by its variable where it sees that, by its name elsewhere."""
        if pair.variable and pair.home is self.file:
            known = self._sees_variable(pair, node)
            if known:
                return pair.variable
        return ""

    def _sees_variable(self, pair: Pair, node: cst.CSTNode) -> bool:
        tree = self.file.tree
        at = pair.handler.node if pair.form == "decorator" else pair.create.call
        assert at is not None
        home = tree.scopes[at]
        scope = tree.scopes[node]
        bound = pair.variable
        while scope is not None:
            if scope is home:
                inside = tree.scopes[node] is not home
                return inside or tree.order[node] > tree.order[at]
            if bound in scope.bindings:
                return False
            if scope.parent is None:
                return False
            scope = scope.parent
        return False


def _is_plain(node: cst.CSTNode) -> TypeGuard[cst.Name]:
    return isinstance(node, cst.Name)
