"""Two loops over the same things: one creates the backends, the next one their endpoints."""

from __future__ import annotations

import libcst as cst

from serve_compat.migrate.analysis.children import names_in, walk
from serve_compat.migrate.analysis.expressions import code_of, is_repeatable
from serve_compat.migrate.analysis.tree import dotted
from serve_compat.migrate.deployment.find.file import Analysis
from serve_compat.migrate.deployment.find.operations import Operation

_OF_MAPPINGS = ("items", "keys")
_IN_ORDER = ("list", "tuple", "sorted")


def go_together(create: Operation, endpoint: Operation, home: Analysis) -> bool:
    """Whether the second loop does for each thing of the first one what could be done at once there."""
    first, second = _loop(create, home), _loop(endpoint, home)
    if first is None or second is None or first is second:
        return False
    if home.tree.parents[first] is not home.tree.parents[second] or home.tree.order[first] > home.tree.order[second]:
        return False
    if code_of(_things(first.iter)) != code_of(_things(second.iter)) or not goes_over_things(first):
        return False
    bound = {each.value for each in walk(second) if isinstance(each, cst.Name) and _is_bound_in(each, second, home)}
    used = set().union(*(names_in(arg.value) for arg in endpoint.call.args))
    alike = code_of(first.iter) == code_of(second.iter) and code_of(first.target) == code_of(second.target)
    common = names_in(first.target) if alike else {_key(first)} & {_key(second)}
    return bound & used <= common


def goes_over_things(loop: cst.For) -> bool:
    """Whether a loop only looks at what it goes over, so that it may go when its body is empty."""
    return is_repeatable(_things(loop.iter))


def _loop(operation: Operation, home: Analysis) -> cst.For | None:
    block = home.block(operation.call)
    owner = home.tree.parents.get(block) if block is not None else None
    plain = isinstance(owner, cst.For) and owner.body is block and owner.orelse is None
    return owner if plain and isinstance(owner, cst.For) else None


def _things(iterated: cst.BaseExpression) -> cst.BaseExpression:
    """`X` of `X.items()`, `X.keys()`, `sorted(X)`."""
    if isinstance(iterated, cst.Call):
        func = iterated.func
        if isinstance(func, cst.Attribute) and func.attr.value in _OF_MAPPINGS and not iterated.args:
            return func.value
        if isinstance(func, cst.Name) and func.value in _IN_ORDER and len(iterated.args) == 1:
            return _things(iterated.args[0].value)
    return iterated


def _key(loop: cst.For) -> str:
    """The variable that gets the thing itself, or its key."""
    target = loop.target
    if isinstance(target, cst.Tuple) and ".items()" in code_of(loop.iter):
        return dotted(target.elements[0].value)
    return dotted(target)


def _is_bound_in(name: cst.Name, loop: cst.For, home: Analysis) -> bool:
    bindings = home.tree.scopes[name].lookup(name.value) if name in home.tree.scopes else []
    inside = {loop.iter, *walk(loop.body)}
    return any(each.node in inside for each in bindings)
