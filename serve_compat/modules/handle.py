"""`ray.serve.handle` of Ray 0.8-2.6."""

from legacy.handle import HandleOptions, RayServeHandle, RayServeSyncHandle
from serve_compat.graph.handles import RayServeDeploymentHandle
from serve_compat.names.teaching import teaching_getattr

__getattr__ = teaching_getattr(__name__)

__all__ = [
    "HandleOptions",
    "RayServeDeploymentHandle",
    "RayServeHandle",
    "RayServeLazySyncHandle",
    "RayServeSyncHandle",
]

RayServeLazySyncHandle = RayServeDeploymentHandle
"""Its name in Ray 1.12-1.13."""
