"""`ray.serve.env` of Ray 1.0-1.2."""

from legacy.environments.resolve import CondaEnv

__all__ = ["CondaEnv"]
