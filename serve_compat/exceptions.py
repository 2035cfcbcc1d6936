"""`ray.serve.exceptions` of Ray 0.8-2.6."""

from legacy.errors import RayServeException

__all__ = ["RayServeException"]
