"""`serve.list_deployments()`: names, and what there is to ask of them, come from `serve.status()`."""

from __future__ import annotations

import libcst as cst

from serve_compat.migrate.analysis.values import Listing
from serve_compat.migrate.rule import Rule
from serve_compat.migrate.serve.deploys import serve_name
from serve_compat.migrate.serve.lookups import application
from serve_compat.migrate.serve.printing import is_shown, shown_listing
from serve_compat.migrate.serve.program import Program

SC214 = Rule(
    "SC214",
    "list_deployments() becomes a look into serve.status()",
    "serve",
    "Names, numbers of replicas, handles and deletions are asked for by name; what the listing shows is written out"
    " where the file says it.",
    differs="serve.status() also knows applications of other programs, and is asked again at every use.",
)

_KINDS = {"flows", "tested", "iterated", "dropped", "subscripted"}
_METHODS = {"keys", "items", "get", "copy"}


def convert_listings(program: Program) -> None:
    """Plan the changes of every listing."""
    for node, values in program.loads():
        if any(isinstance(value, Listing) for value in values):
            _listing(program, node)


def _listing(program: Program, node: cst.BaseExpression) -> None:
    app = application(program)
    if app is None:
        program.block(node, SC214, "applications and single deployments are mixed in this listing")
        return
    is_call = isinstance(node, cst.Call) and program.infer.library(node.func) == "ray.serve.list_deployments"
    serve = program.code(serve_name(program, node))
    status = f"{serve}.status().applications[{app}].deployments" if app else f"{serve}.status().applications"
    use = program.uses.of(node)
    method = use.node.attr.value if use.kind == "attribute" and isinstance(use.node, cst.Attribute) else ""
    if is_shown(program, use):
        plain = isinstance(use.node, cst.Call)  # not inside of an f-string, whose quotes would be in the way
        shown = shown_listing(program, node, status if is_call else program.code(node)) if plain else None
        if shown is None:
            program.block(node, SC214, "what list_deployments() shows here cannot be told from this file")
        else:
            program.change(node, SC214, "the listing shows what it showed", lambda updated: shown)
        return
    if method == "values":
        call = program.tree.parents[use.node]
        program.change(call, SC214, "the names stand for the deployments", _receiver)
    elif use.kind not in _KINDS and method not in _METHODS:
        program.block(node, SC214, "list_deployments() is used for more than names; serve.status() has another shape")
        return
    if is_call:
        made = cst.parse_expression(status)
        program.change(node, SC214, "list_deployments() becomes a look into serve.status()", lambda updated: made)


def _receiver(updated: cst.CSTNode) -> cst.CSTNode:
    assert isinstance(updated, cst.Call)
    assert isinstance(updated.func, cst.Attribute)
    return updated.func.value
