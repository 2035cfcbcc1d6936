"""`ray.serve.common` of Ray 1.10-2.3."""

from serve_compat.deployments.status import DeploymentStatus, DeploymentStatusInfo
from serve_compat.names.teaching import teaching_getattr

__getattr__ = teaching_getattr(__name__)

__all__ = ["DeploymentStatus", "DeploymentStatusInfo"]
