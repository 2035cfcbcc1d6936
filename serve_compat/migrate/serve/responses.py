"""The expressions around responses: `.result()`, `await`, and the way back to an ObjectRef."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst


def method(name: str, updated: cst.CSTNode) -> cst.CSTNode:
    """`updated.name()`."""
    assert isinstance(updated, cst.BaseExpression)
    return cst.Call(cst.Attribute(updated, cst.Name(name)))


def await_ref(updated: cst.CSTNode) -> cst.CSTNode:
    """`(await updated._to_object_ref())`."""
    made = method("_to_object_ref", updated)
    assert isinstance(made, cst.Call)
    return cst.Await(made, lpar=[cst.LeftParen()], rpar=[cst.RightParen()])


def unwrapped(updated: cst.CSTNode) -> cst.CSTNode:
    """What is awaited, without the await."""
    assert isinstance(updated, cst.Await)
    return updated.expression


def ungathered(updated: cst.CSTNode) -> cst.CSTNode:
    """The list of what `await asyncio.gather(...)` gathers."""
    assert isinstance(updated, cst.Await)
    assert isinstance(updated.expression, cst.Call)
    args = updated.expression.args
    if args[0].star:
        return args[0].value
    return cst.List([cst.Element(arg.value) for arg in args])


def listed(updated: cst.CSTNode) -> cst.CSTNode:
    """The list of what a generator gives."""
    return cst.ListComp(updated.elt, updated.for_in) if isinstance(updated, cst.GeneratorExp) else updated


def result(many: bool, asynchronous: bool, updated: cst.CSTNode) -> cst.CSTNode:
    """What stands for `ray.get(...)`: `.result()`, an await, or a list of those."""
    assert isinstance(updated, cst.Call)
    value = updated.args[0].value
    limit = updated.args[1:]
    if many:
        return _all_results(value, asynchronous, limit)
    if asynchronous:
        return cst.Await(_receiver(value), lpar=updated.lpar, rpar=updated.rpar)
    args = [each.with_changes(keyword=cst.Name("timeout_s"), comma=cst.MaybeSentinel.DEFAULT) for each in limit]
    return cst.Call(cst.Attribute(_receiver(value), cst.Name("result")), args)


def _all_results(value: cst.BaseExpression, asynchronous: bool, limit: Sequence[cst.Arg]) -> cst.CSTNode:
    limits = [each.with_changes(keyword=cst.Name("timeout_s"), comma=cst.MaybeSentinel.DEFAULT) for each in limit]
    one = cst.Name("response")
    element: cst.BaseExpression = (
        cst.Await(one) if asynchronous else cst.Call(cst.Attribute(one, cst.Name("result")), limits)
    )
    return cst.ListComp(elt=element, for_in=cst.CompFor(target=one, iter=value))


def _receiver(value: cst.BaseExpression) -> cst.BaseExpression:
    plain = isinstance(value, cst.Name | cst.Attribute | cst.Call | cst.Subscript) or value.lpar
    return value if plain else value.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
