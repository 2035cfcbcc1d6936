"""Quotes inside of f-strings, where older Pythons do not allow those of the f-string itself."""

from __future__ import annotations

import libcst as cst


def requoted(original: cst.FormattedString, updated: cst.FormattedString) -> cst.FormattedString:
    """An f-string whose changed parts do without its own quotes."""
    if len(original.end) > 1:
        return updated
    parts = [
        new.with_changes(expression=new.expression.visit(_Requoter(original.end)))
        if isinstance(new, cst.FormattedStringExpression) and new is not old
        else new
        for old, new in zip(original.parts, updated.parts, strict=True)
    ]
    return updated.with_changes(parts=parts)


class _Requoter(cst.CSTTransformer):
    def __init__(self, quote: str) -> None:
        super().__init__()
        self._quote = quote
        self._other = "'" if quote == '"' else '"'

    def leave_SimpleString(  # noqa: N802  # the name is LibCST's
        self, original_node: cst.SimpleString, updated_node: cst.SimpleString
    ) -> cst.SimpleString:
        plain = original_node.quote == self._quote and self._other not in original_node.value
        return (
            updated_node.with_changes(value=original_node.value.replace(self._quote, self._other))
            if plain
            else updated_node
        )

    def leave_FormattedString(  # noqa: N802  # the name is LibCST's
        self, original_node: cst.FormattedString, updated_node: cst.FormattedString
    ) -> cst.FormattedString:
        if original_node.end != self._quote:
            return updated_node
        start = updated_node.start.replace(self._quote, self._other)
        return updated_node.with_changes(start=start, end=self._other)
