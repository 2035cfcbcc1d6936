"""Source as text: of a node, of an argument, of a call that is to be written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import libcst as cst

from serve_compat.migrate.analysis.expressions import code_of
from serve_compat.migrate.writing.arguments import keyword

_WIDTH = 120


def blank_lines(count: int) -> list[cst.EmptyLine]:
    """Empty lines, without the indentation of what is around them."""
    return [cst.EmptyLine(indent=False)] * count


def blank_above(lines: Sequence[cst.EmptyLine]) -> int:
    """How many of the lines above a statement are empty before the first comment."""
    return next((number for number, each in enumerate(lines) if each.comment is not None), len(lines))


def comments_in(node: cst.CSTNode) -> list[str]:
    """The comments inside an expression that spans several lines."""
    if isinstance(node, cst.Comment):
        return [node.value]
    return [comment for child in node.children for comment in comments_in(child)]


def plain(arg: cst.Arg) -> cst.Arg:
    """An argument without the white space and comma that its old place gave it."""
    nothing = cst.SimpleWhitespace("")
    unspaced = cst.AssignEqual(nothing, nothing) if arg.keyword is not None else cst.MaybeSentinel.DEFAULT
    return arg.with_changes(
        comma=cst.MaybeSentinel.DEFAULT, whitespace_after_star=nothing, whitespace_after_arg=nothing, equal=unspaced
    )


def keyword_args(options: Mapping[str, cst.BaseExpression]) -> list[cst.Arg]:
    """`name=value` for each option, in the given order."""
    return [keyword(name, value) for name, value in options.items()]


def call_of(func: str, args: Sequence[cst.Arg], indent: int = 0) -> cst.Call:
    """A call; over several lines where one would be too long.

    Args:
        func: what is called, as source.
        indent: how many characters stand before it on its line.
    """
    made = cst.Call(cst.parse_expression(func), [plain(arg) for arg in args])
    code = code_of(made)
    if len(code) + indent <= _WIDTH or "\n" in code or len(args) < 2:
        return made
    lines = "".join(f"    {code_of(plain(arg))},\n" for arg in args)
    wide = cst.parse_expression(f"{func}(\n{lines})")
    assert isinstance(wide, cst.Call)
    return wide


def expression(code: str) -> cst.BaseExpression:
    """The expression of a source text."""
    return cst.parse_expression(code)


def statement(code: str) -> cst.BaseStatement:
    """The statement of a source text."""
    made = cst.parse_statement(code)
    assert isinstance(made, cst.BaseStatement)
    return made


def identifier(text: str) -> str:
    """A name for what is called `text`."""
    made = "".join(each if each.isalnum() or each == "_" else "_" for each in text).strip("_") or "served"
    made = made.lower()
    return made if made.isidentifier() else f"served_{made}"
