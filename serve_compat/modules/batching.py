"""`ray.serve.batching` of Ray 1.3-2.6."""

from legacy.replica.batching import batch

__all__ = ["batch"]
