"""Rules of the serve stage: deployments and graphs become programs for stock Ray Serve."""

from __future__ import annotations

from serve_compat.migrate.rules.rule import Rule

SERVE_RULES: tuple[Rule, ...] = ()
