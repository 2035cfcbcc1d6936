"""How many requests a replica takes at once: what old releases meant where a program says nothing."""

from __future__ import annotations

import libcst as cst

from serve_compat.migrate.analysis.values import Deployment
from serve_compat.migrate.rule import Rule
from serve_compat.migrate.serve.program import Program
from serve_compat.migrate.writing.arguments import keyword, with_args

SC218 = Rule(
    "SC218",
    "old defaults are written down",
    "serve",
    "A replica took 100 requests at once (today 5), and an autoscaler aimed at 1 per replica (today 2). A class"
    " whose synchronous methods change its own state gets 1: they never overlapped.",
)


def pin_concurrency(program: Program) -> None:
    """Where no definition says how many requests a replica takes at once, say what old releases meant: 100."""
    if not program.options.pin:
        return
    for node in program.tree.nodes(cst.Decorator, cst.Call):
        if isinstance(node, cst.Decorator) and not isinstance(node.decorator, cst.Call):
            if program.infer.library(node.decorator) == "ray.serve.deployment":
                _pin(program, node.decorator, None)
        elif isinstance(node, cst.Call) and program.infer.library(node.func) == "ray.serve.deployment":
            names = {arg.keyword.value for arg in node.args if arg.keyword is not None}
            if not names & {"max_concurrent_queries", "max_ongoing_requests", "config"}:
                _pin(program, node, node)


def _pin(program: Program, node: cst.BaseExpression, call: cst.Call | None) -> None:
    limit = "1" if _must_not_overlap(program, node) else "100"
    pin = keyword("max_ongoing_requests", cst.Integer(limit))
    message = f"max_ongoing_requests={limit}, which old releases had; today's default is 5"

    def change(updated: cst.CSTNode) -> cst.CSTNode:
        if isinstance(updated, cst.Call):
            return with_args(updated, [*updated.args, pin])
        assert isinstance(updated, cst.Name | cst.Attribute)
        return cst.Call(func=updated, args=[pin])

    program.follow(node, SC218, message, change)


def _must_not_overlap(program: Program, node: cst.BaseExpression) -> bool:
    """Does code that is deployed here change what it remembers, so that two calls at once would race?"""
    decorator = program.tree.parents.get(node)
    if isinstance(decorator, cst.Decorator):
        return _races(program.tree.parents[decorator])
    made = program.infer.of(decorator) | program.infer.of(node)
    codes = [each for value in made if isinstance(value, Deployment) for each in value.codes]
    return any(_races(each) for each in codes)


def _races(code: cst.CSTNode | None) -> bool:
    if isinstance(code, cst.FunctionDef):
        return code.asynchronous is None and _changes_globals(code)
    if not isinstance(code, cst.ClassDef):
        return False
    return not any(each.asynchronous is not None for each in _methods(code)) and changes_state(code)


def changes_state(code: cst.CSTNode | None) -> bool:
    """Does a call of the class change what its object, or its module, remembers?"""
    if not isinstance(code, cst.ClassDef):
        return isinstance(code, cst.FunctionDef) and _changes_globals(code)
    quiet = ("__init__", "reconfigure", "check_health", "__del__")
    return any(_changes_self(each) for each in _methods(code) if each.name.value not in quiet)


def _methods(code: cst.ClassDef) -> list[cst.FunctionDef]:
    return [each for each in code.body.body if isinstance(each, cst.FunctionDef)]


_MUTATORS = {
    "append",
    "add",
    "pop",
    "update",
    "extend",
    "remove",
    "insert",
    "clear",
    "setdefault",
    "popleft",
    "appendleft",
}


class _Writes(cst.CSTVisitor):
    def __init__(self) -> None:
        super().__init__()
        self.self_written = False
        self.global_written = False

    def visit_AssignTarget(self, node: cst.AssignTarget) -> None:  # noqa: N802  # the name is LibCST's
        self._target(node.target)

    def visit_AugAssign(self, node: cst.AugAssign) -> None:  # noqa: N802  # the name is LibCST's
        self._target(node.target)

    def visit_Global(self, node: cst.Global) -> None:  # noqa: N802  # the name is LibCST's
        self.global_written = True

    def visit_Call(self, node: cst.Call) -> None:  # noqa: N802  # the name is LibCST's
        if isinstance(node.func, cst.Attribute) and node.func.attr.value in _MUTATORS:
            self._target(node.func.value)

    def _target(self, target: cst.CSTNode) -> None:
        while isinstance(target, cst.Attribute | cst.Subscript):
            target = target.value
            if isinstance(target, cst.Name) and target.value == "self":
                self.self_written = True


def _changes_self(method: cst.FunctionDef) -> bool:
    writes = _Writes()
    method.visit(writes)
    return writes.self_written or writes.global_written


def _changes_globals(function: cst.FunctionDef) -> bool:
    writes = _Writes()
    function.visit(writes)
    return writes.global_written
