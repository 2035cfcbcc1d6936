"""The serve stage: deployments and graphs of Ray 1.3 to 2.6 become programs for stock Ray Serve of today.

The engine calls `stage`; `convert` is what happens to one file.
"""

from __future__ import annotations

from serve_compat.migrate.serve_stage.convert import Outcome, convert
from serve_compat.migrate.serve_stage.program import Options

__all__ = ["Options", "Outcome", "convert"]
