"""`ray.serve.handle` of Ray 0.8-2.6."""

from legacy.handle import HandleOptions, RayServeHandle, RayServeSyncHandle

__all__ = ["HandleOptions", "RayServeHandle", "RayServeSyncHandle"]
