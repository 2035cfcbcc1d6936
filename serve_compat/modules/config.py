"""`ray.serve.config` of Ray 0.8-2.6."""

from __future__ import annotations

from typing import Any

from legacy.config import AutoscalingConfig, BackendConfig, BackendMetadata
from legacy.generations import V1_2
from legacy.http_options import DeploymentMode, HTTPOptions
from legacy.session.checks import check_target, checked_actor_options
from serve_compat.names.teaching import teaching_getattr

__getattr__ = teaching_getattr(__name__)

__all__ = [
    "AutoscalingConfig",
    "BackendConfig",
    "BackendMetadata",
    "DeploymentConfig",
    "DeploymentMode",
    "HTTPOptions",
    "ReplicaConfig",
]

DeploymentConfig = BackendConfig
"""Its name since Ray 1.9."""


class ReplicaConfig:
    """A backend's code and resources, checked (Ray 1.0-1.7).

    Args:
        func_or_class: a function, a class or an import path.
        actor_init_args: the class's constructor arguments.
        ray_actor_options: resources of each replica.

    Raises:
        TypeError, ValueError: as `create_backend`.
    """

    def __init__(
        self, func_or_class: Any, *actor_init_args: Any, ray_actor_options: dict[str, Any] | None = None
    ) -> None:
        self.is_class = check_target(getattr(func_or_class, "__name__", "?"), func_or_class, actor_init_args)
        self.func_or_class = func_or_class
        self.actor_init_args = actor_init_args
        self.ray_actor_options = checked_actor_options(ray_actor_options, V1_2)
