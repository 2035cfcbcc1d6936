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

__all__ = [
    "ClassMethodNode",
    "ClassNode",
    "DAGNode",
    "FunctionNode",
    "InputAttributeNode",
    "InputNode",
    "RayServeDAGHandle",
]
