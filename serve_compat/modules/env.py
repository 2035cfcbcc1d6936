"""`ray.serve.env` of Ray 1.0-1.2."""

from legacy.environments.resolve import CondaEnv
from serve_compat.names.teaching import teaching_getattr

__getattr__ = teaching_getattr(__name__)

__all__ = ["CondaEnv"]
