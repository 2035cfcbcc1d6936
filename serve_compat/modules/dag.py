"""`ray.serve.dag` of Ray 2.0-2.6."""

from serve_compat.graph.nodes import InputNode
from serve_compat.names.teaching import teaching_getattr

__getattr__ = teaching_getattr(__name__)

__all__ = ["InputNode"]
