"""`ray.serve.policy` of Ray 0.7-0.8."""

from legacy.early.api import RoutePolicy

__all__ = ["RoutePolicy"]
