"""`ray.serve.policy` of Ray 0.7-0.8."""

from legacy.api import RoutePolicy

__all__ = ["RoutePolicy"]
