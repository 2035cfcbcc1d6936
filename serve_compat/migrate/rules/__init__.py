"""The rules of the migration: one entry each, from which `--list-rules`, `explain` and the guide are generated."""

from __future__ import annotations

from serve_compat.migrate.rules.compat import COMPAT_RULES
from serve_compat.migrate.rules.deployment import DEPLOYMENT_RULES
from serve_compat.migrate.rules.rule import Rule
from serve_compat.migrate.rules.serve import SERVE_RULES

RULES: dict[str, Rule] = {rule.id: rule for rule in (*COMPAT_RULES, *DEPLOYMENT_RULES, *SERVE_RULES)}
"""All rules by id, in the order of the stages."""


def matching(selector: str) -> list[str]:
    """The ids that a selector of the command line means: a whole id, a prefix such as SC1, or ALL.

    Raises:
        ValueError: no rule is meant.
    """
    wanted = selector.strip().upper()
    found = [name for name in RULES if wanted == "ALL" or (wanted and name.startswith(wanted))]
    if not found:
        raise ValueError(f"there is no rule {selector!r}; `serve-compat migrate --list-rules` shows all")
    return found
