"""Why a backend and its endpoint stay as they are: the rules that only tell, and the exception that carries one."""

from __future__ import annotations

from serve_compat.migrate.rule import Rule

_STAYS = "The backend and its endpoint stay as they are, on serve_compat; a comment marks the place once."


def stays(number: str, title: str, why: str) -> Rule:
    """The rule of one reason."""
    return Rule(number, title, "deployment", f"{why} {_STAYS}", automatic=False)


class Inconvertible(Exception):  # noqa: N818 - an outcome of planning, not an error
    """Something has no safe equivalent.

    Attributes:
        rule: whose TODO it gets.
        message: says what, for the TODO and the report.
    """

    def __init__(self, rule: Rule, message: str) -> None:
        super().__init__(message)
        self.rule = rule
        self.message = message
