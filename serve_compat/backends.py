"""`ray.serve.backends` of Ray 1.2."""

from legacy.replica.backends import ImportedBackend, accept_batch

__all__ = ["ImportedBackend", "accept_batch"]
