"""`ray.serve.backends` of Ray 1.2."""

from legacy.replica.backends import ImportedBackend, accept_batch
from serve_compat.names.teaching import teaching_getattr

__getattr__ = teaching_getattr(__name__)

__all__ = ["ImportedBackend", "accept_batch"]
