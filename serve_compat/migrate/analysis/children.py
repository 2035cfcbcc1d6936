"""The nodes below a node, without whitespace and punctuation, in the order of the source.

LibCST's own `children` runs a visitor over every blank; over the stages of a migration that was a third of its time.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import libcst as cst

# Fields whose order in the class is not the order of the source.
_ORDERED: dict[type[cst.CSTNode], tuple[str, ...]] = {
    cst.FunctionDef: ("decorators", "asynchronous", "name", "type_parameters", "params", "returns", "body"),
    cst.ClassDef: ("decorators", "name", "type_parameters", "bases", "keywords", "body"),
    cst.Parameters: ("posonly_params", "posonly_ind", "params", "star_arg", "kwonly_params", "star_kwarg"),
    cst.Arg: ("keyword", "value"),
    cst.ExceptHandler: ("type", "name", "body"),
    cst.ExceptStarHandler: ("type", "name", "body"),
    cst.For: ("asynchronous", "target", "iter", "body", "orelse"),
    cst.CompFor: ("asynchronous", "target", "iter", "ifs", "inner_for_in"),
    cst.With: ("asynchronous", "items", "body"),
    cst.IfExp: ("body", "test", "orelse"),
    cst.TypeAlias: ("name", "type_parameters", "value"),
    cst.ImportFrom: ("relative", "module", "names"),
    cst.MatchCase: ("pattern", "guard", "body"),
    cst.MatchClass: ("cls", "patterns", "kwds"),
    cst.MatchMapping: ("elements", "rest"),
}
_LEFT_OUT = (
    cst.BaseParenthesizableWhitespace,
    cst.TrailingWhitespace,
    cst.EmptyLine,
    cst.Newline,
    cst.Comment,
    cst.LeftParen,
    cst.RightParen,
    cst.LeftSquareBracket,
    cst.RightSquareBracket,
    cst.LeftCurlyBrace,
    cst.RightCurlyBrace,
    cst.Comma,
    cst.Semicolon,
    cst.Colon,
    cst.Dot,
    cst.AssignEqual,
)
_fields: dict[type[cst.CSTNode], tuple[str, ...]] = {}
_is_left_out: dict[type, bool] = {}


def children(node: cst.CSTNode) -> list[cst.CSTNode]:
    """The nodes right below, in the order of the source."""
    kind = type(node)
    names = _fields.get(kind)
    if names is None:
        names = _fields[kind] = _names(kind)
    found: list[cst.CSTNode] = []
    for name in names:
        value = getattr(node, name)
        if type(value) in (list, tuple):
            found += [each for each in value if _counts(type(each))]
        elif _counts(type(value)):
            found.append(value)
    return found


def walk(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """The node and everything below it, in the order of the source."""
    stack = [node]
    while stack:
        top = stack.pop()
        yield top
        stack.extend(reversed(children(top)))


def names_in(node: cst.CSTNode) -> set[str]:
    """All names in the node, attributes and keywords included."""
    return {each.value for each in walk(node) if isinstance(each, cst.Name)}


def parents_in(node: cst.CSTNode) -> dict[cst.CSTNode, cst.CSTNode]:
    """The parent of everything below a node."""
    return {child: each for each in walk(node) for child in children(each)}


def _names(kind: type[cst.CSTNode]) -> tuple[str, ...]:
    ordered = _ORDERED.get(kind)
    known = [field.name for field in dataclasses.fields(kind)]
    if ordered is not None:
        return tuple(name for name in ordered if name in known)  # releases of LibCST differ in the newest syntax
    return tuple(
        name for name in known if not name.startswith(("whitespace", "lpar", "rpar", "leading_lines", "comma"))
    )


def _counts(kind: type) -> bool:
    if kind not in _is_left_out:
        _is_left_out[kind] = not issubclass(kind, cst.CSTNode) or issubclass(kind, _LEFT_OUT)
    return not _is_left_out[kind]
