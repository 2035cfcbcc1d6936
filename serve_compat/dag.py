"""`ray.serve.dag` of Ray 2.0-2.6."""

from serve_compat.graph.nodes import InputNode

__all__ = ["InputNode"]
