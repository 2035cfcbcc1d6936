"""The deployment stage: backends and endpoints of Ray 0.7-1.7 become deployments that run on serve_compat."""

from __future__ import annotations

from serve_compat.migrate.deployment_stage.stage import run, survey

__all__ = ["run", "survey"]
