"""How a deployment is, as Ray 1.10-2.3 tell it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


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
