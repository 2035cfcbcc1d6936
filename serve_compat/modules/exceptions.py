"""`ray.serve.exceptions` of Ray 0.8-2.6."""

from legacy.errors import RayServeException
from serve_compat.names.teaching import teaching_getattr

__getattr__ = teaching_getattr(__name__)

__all__ = ["RayServeException"]
