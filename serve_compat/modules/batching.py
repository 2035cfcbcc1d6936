"""`ray.serve.batching` of Ray 1.3-2.6."""

from legacy.replica.batching import batch
from serve_compat.names.teaching import teaching_getattr

__getattr__ = teaching_getattr(__name__)

__all__ = ["batch"]
