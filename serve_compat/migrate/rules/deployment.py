"""Rules of the deployment stage: backends and endpoints become deployments."""

from __future__ import annotations

from serve_compat.migrate.rules.rule import Rule

DEPLOYMENT_RULES: tuple[Rule, ...] = ()
