"""`ray.serve.deployment_graph` of Ray 1.12-2.6."""

from serve_compat.graph.handles import RayServeDAGHandle
from serve_compat.graph.nodes import (
    ClassMethodNode,
    ClassNode,
    DAGNode,
    FunctionNode,
    InputAttributeNode,
    InputNode,
)
from serve_compat.names.teaching import teaching_getattr

__getattr__ = teaching_getattr(__name__)

__all__ = [
    "ClassMethodNode",
    "ClassNode",
    "DAGNode",
    "FunctionNode",
    "InputAttributeNode",
    "InputNode",
    "RayServeDAGHandle",
]
