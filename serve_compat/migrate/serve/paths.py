"""The path in a request's scope: old releases took the route prefix off, today's leave it on."""

from __future__ import annotations

import libcst as cst

from serve_compat.migrate.analysis.expressions import is_repeatable, literal
from serve_compat.migrate.analysis.values import Deployment
from serve_compat.migrate.rule import Rule
from serve_compat.migrate.serve.program import Program, becomes

SC223 = Rule(
    "SC223",
    'request.scope["path"] loses its route prefix',
    "serve",
    "Old releases took the prefix of the deployment off the path; today's leave it on, and tell it as root_path.",
)


def convert_paths(program: Program) -> None:
    """Plan the path without its prefix wherever a served function or class of the file asks a scope for it."""
    for node in program.tree.nodes(cst.Subscript):
        if _is_path(node) and is_repeatable(node.value) and _is_read(program, node) and _is_served(program, node):
            scope = program.code(node.value)
            made = cst.parse_expression(f'{program.code(node)}.removeprefix({scope}["root_path"])')
            program.follow(node, SC223, "the path without the route prefix", becomes(made))


def _is_path(node: cst.Subscript) -> bool:
    index = node.slice[0].slice if len(node.slice) == 1 else None
    is_scope = isinstance(node.value, cst.Attribute) and node.value.attr.value == "scope"
    return is_scope and isinstance(index, cst.Index) and literal(index.value) == "path"


def _is_read(program: Program, node: cst.CSTNode) -> bool:
    return not isinstance(program.tree.parents[node], cst.AssignTarget | cst.AugAssign | cst.Del)


def _is_served(program: Program, node: cst.CSTNode) -> bool:
    for around in program.tree.ancestors(node):
        if isinstance(around, cst.ClassDef) and program.infer.calls.is_served(around):
            return True
        if isinstance(around, cst.FunctionDef) and any(
            isinstance(made, Deployment) and around in made.codes for made in program.infer.calls.made
        ):
            return True
    return False
