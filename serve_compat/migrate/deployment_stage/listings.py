"""list_backends() and list_endpoints(): whether only names are read of them, and the `if` that asks before creating."""

from __future__ import annotations

from dataclasses import dataclass

import libcst as cst

from serve_compat.migrate.deployment_stage.analysis import Analysis

_ONLY_NAMES = frozenset({"sorted", "list", "len", "set", "tuple"})


@dataclass(frozen=True, eq=False)
class CreationGuard:
    """`if tag not in client.list_backends():` around the creation.

    Attributes:
        statement: the `if`.
        asked: the expression of the name that is looked for.
        listing: the call of list_backends() or list_endpoints().
        about: "list_backends" or "list_endpoints".
    """

    statement: cst.If
    asked: cst.BaseExpression
    listing: cst.Call
    about: str


def creation_guard(call: cst.Call, file: Analysis) -> CreationGuard | None:
    """The `if` directly around a statement that creates something only when it is not there yet."""
    block = file.block(call)
    owner = file.tree.parents.get(block) if block is not None else None
    if not isinstance(owner, cst.If) or owner.orelse is not None or owner.body is not block:
        return None
    test = owner.test
    if not isinstance(test, cst.Comparison) or len(test.comparisons) != 1:
        return None
    target = test.comparisons[0]
    listing = target.comparator
    if isinstance(listing, cst.Call) and isinstance(listing.func, cst.Attribute) and listing.func.attr.value == "keys":
        listing = listing.func.value
    if not isinstance(target.operator, cst.NotIn) or not isinstance(listing, cst.Call):
        return None
    about = file.names.serve_name(listing.func)
    if about not in ("list_backends", "list_endpoints"):
        return None
    return CreationGuard(owner, test.left, listing, about)


def anchor(call: cst.Call, file: Analysis) -> cst.BaseStatement | None:
    """The statement that stands for a creation: its line, or the `if` that holds nothing else."""
    guard = creation_guard(call, file)
    if guard is not None and len(guard.statement.body.body) == 1:
        return guard.statement
    return file.line(call)


def is_about_names(call: cst.Call, file: Analysis) -> bool:
    """Whether of what a listing gives only the keys are used."""
    parent = file.tree.parents.get(call)
    if isinstance(parent, cst.Arg):
        outer = file.tree.parents.get(parent)
        func = outer.func if isinstance(outer, cst.Call) else None
        joins = isinstance(func, cst.Attribute) and func.attr.value == "join"
        return joins or (isinstance(func, cst.Name) and func.value in _ONLY_NAMES)
    if isinstance(parent, cst.Attribute):
        return parent.attr.value == "keys"
    if isinstance(parent, cst.For | cst.CompFor):
        return parent.iter is call
    return isinstance(parent, cst.ComparisonTarget | cst.UnaryOperation | cst.If)
