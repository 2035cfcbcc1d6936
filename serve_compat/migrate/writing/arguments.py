"""Arguments of calls: made and replaced so that commas, lines and comments stay where they were."""

from __future__ import annotations

import libcst as cst


def keyword(name: str, value: cst.BaseExpression) -> cst.Arg:
    """`name=value` as an argument."""
    return cst.Arg(
        keyword=cst.Name(name),
        value=value,
        equal=cst.AssignEqual(cst.SimpleWhitespace(""), cst.SimpleWhitespace("")),
    )


def with_args(call: cst.Call, args: list[cst.Arg]) -> cst.Call:
    """The call with these arguments; commas and lines between them stay as they were."""
    old = call.args
    if not args:
        return call.with_changes(args=[], whitespace_before_args=cst.SimpleWhitespace(""))
    commas = [each.comma for each in old if isinstance(each.comma, cst.Comma)]
    between = commas[0] if commas and len(old) > 1 else cst.Comma(cst.SimpleWhitespace(""), cst.SimpleWhitespace(" "))
    done = []
    for number, arg in enumerate(args):
        last = number == len(args) - 1
        keep = isinstance(arg.comma, cst.Comma) and not last and not (old and arg.comma is old[-1].comma)
        done.append(arg if keep else arg.with_changes(comma=between))
    tail = old[-1] if old else None
    done[-1] = done[-1].with_changes(
        comma=tail.comma if tail is not None else cst.MaybeSentinel.DEFAULT,
        whitespace_after_arg=tail.whitespace_after_arg if tail is not None else cst.SimpleWhitespace(""),
    )
    return call.with_changes(args=done)
