"""`ray.serve.common` of Ray 1.10-2.3: how a deployment is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from serve_compat.teaching import teaching_getattr

__getattr__ = teaching_getattr(__name__)

__all__ = ["DeploymentStatus", "DeploymentStatusInfo"]


class DeploymentStatus(str, Enum):
    """One word for it."""

    UPDATING = "UPDATING"
    HEALTHY = "HEALTHY"
    UNHEALTHY = "UNHEALTHY"


@dataclass(frozen=True)
class DeploymentStatusInfo:
    """How a deployment is.

    Attributes:
        message: why it is not healthy.
        name: of the deployment.
    """

    status: DeploymentStatus
    message: str = ""
    name: str = ""
