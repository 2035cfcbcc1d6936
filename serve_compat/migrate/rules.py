"""All rules of the migration, from which `--list-rules`, `explain` and the guide are generated."""

from __future__ import annotations

import serve_compat.migrate.run  # noqa: F401 - with it comes every module that declares a rule
from serve_compat.migrate.rule import Rule, declared, is_meant

RULES: dict[str, Rule] = declared()
"""All rules by id, in the order of the stages."""


def check_selector(selector: str) -> None:
    """See that a selector of the command line means a rule.

    Raises:
        ValueError: it means none.
    """
    if not any(is_meant(rule, (selector,)) for rule in RULES):
        raise ValueError(f"there is no rule {selector!r}; `serve-compat migrate --list-rules` shows all")
