"""list_backends() and list_endpoints(): whether only names are read of them, and the `if` that asks before creating."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import libcst as cst

from serve_compat.migrate.analysis.expressions import code_of
from serve_compat.migrate.deployment.find.file import Analysis
from serve_compat.migrate.deployment.find.staying import stays
from serve_compat.migrate.rule import Rule

SC109 = Rule(
    "SC109",
    "list_endpoints() and list_backends() become list_deployments() where only the names are used",
    "deployment",
    "What the listings tell beside the names has another form.",
)
SC113 = Rule(
    "SC113",
    "listings that are printed become list_deployments()",
    "deployment",
    "What a program prints to tell people what is served may as well name deployments.",
    differs="Another text is printed.",
    safe=False,
)
SC125 = stays(
    "SC125",
    "TODO: more is read of backends and endpoints than deployments tell",
    "The program would print or decide something else.",
)

_ONLY_NAMES = frozenset({"sorted", "list", "set", "tuple"})
Reading = Literal["names", "asked", "counted", "deleted", "more"]
"""Of a listing: each name, whether one name is there, how many or whether any, each name to delete it; or the rest."""


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


def reading(call: cst.Call, file: Analysis) -> Reading:
    """What is read of a listing."""
    outer = _around(call, file)
    parent = file.tree.parents.get(outer)
    if isinstance(parent, cst.Arg):
        above = file.tree.parents.get(parent)
        loop = file.tree.parents.get(above) if above is not None else None
        if isinstance(loop, cst.For) and loop.iter is above and _deletes_each(loop, file):
            return "deleted"  # of a copy: `for name in list(client.list_backends())`
        func = above.func if isinstance(above, cst.Call) else None
        joins = isinstance(func, cst.Attribute) and func.attr.value == "join"
        if isinstance(func, cst.Name) and func.value in ("len", "bool"):
            return "counted"
        known = joins or outer is not call or (isinstance(func, cst.Name) and func.value in _ONLY_NAMES)
        return "names" if known else "more"
    if isinstance(parent, cst.For) and parent.iter is outer:
        return "deleted" if _deletes_each(parent, file) else "names"
    if isinstance(parent, cst.CompFor):
        return "names" if parent.iter is outer else "more"
    if isinstance(parent, cst.ComparisonTarget) and isinstance(parent.operator, cst.In | cst.NotIn):
        return "asked"
    if isinstance(parent, cst.UnaryOperation | cst.If | cst.While) or _is_compared_with_nothing(parent):
        return "counted"
    return "names" if outer is not call or isinstance(parent, cst.ComparisonTarget) else "more"


def _around(call: cst.Call, file: Analysis) -> cst.BaseExpression:
    """The call, or `.keys()` of it."""
    attribute = file.tree.parents.get(call)
    outer = file.tree.parents.get(attribute) if isinstance(attribute, cst.Attribute) else None
    is_keys = isinstance(attribute, cst.Attribute) and attribute.attr.value == "keys" and isinstance(outer, cst.Call)
    return outer if is_keys and isinstance(outer, cst.Call) else call


def _is_compared_with_nothing(node: cst.CSTNode | None) -> bool:
    """`client.list_backends() == {}`."""
    targets = node.comparisons if isinstance(node, cst.Comparison) else []
    return (
        len(targets) == 1
        and isinstance(targets[0].operator, cst.Equal | cst.NotEqual)
        and (code_of(targets[0].comparator) == "{}")
    )


def _deletes_each(loop: cst.For, file: Analysis) -> bool:
    """`for name in client.list_backends(): client.delete_backend(name)`."""
    if loop.orelse is not None or not isinstance(loop.target, cst.Name):
        return False
    lines = loop.body.body
    small = lines[0].body[0] if len(lines) == 1 and isinstance(lines[0], cst.SimpleStatementLine) else None
    call = small.value if isinstance(small, cst.Expr) else None
    if not isinstance(call, cst.Call) or file.names.serve_name(call.func) not in ("delete_backend", "delete_endpoint"):
        return False
    return code_of(call.args[0].value) == loop.target.value if call.args else False


def asked_name(call: cst.Call, file: Analysis) -> cst.BaseExpression | None:
    """The `name` of `name in client.list_backends()`."""
    target = file.tree.parents.get(_around(call, file))
    comparison = file.tree.parents.get(target) if isinstance(target, cst.ComparisonTarget) else None
    single = isinstance(comparison, cst.Comparison) and len(comparison.comparisons) == 1
    return comparison.left if single and isinstance(comparison, cst.Comparison) else None


def is_about_names(call: cst.Call, file: Analysis) -> bool:
    """Whether of what a listing gives only the keys are used."""
    return reading(call, file) != "more"
