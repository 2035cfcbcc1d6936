"""Looking up what is deployed (Ray 1.4-2.6)."""

from __future__ import annotations

from legacy.session import deployments
from serve_compat.deployments.deployment import Deployment, registered
from serve_compat.deployments.status import DeploymentStatus, DeploymentStatusInfo


def get_deployment(name: str) -> Deployment:
    """The deployment of that name, with the options, version and arguments it was deployed with.

    Raises:
        KeyError: there is none.
        RayServeException: no serve instance runs.
    """
    info = deployments.get(name)
    if info is None:
        raise KeyError(f"deployment {name!r} was not found; serve.list_deployments() names those there are")
    return registered(name, info)


def list_deployments() -> dict[str, Deployment]:
    """name -> deployment of everything that is deployed; backends of `create_backend` too, as in Ray 1.4.

    Raises:
        RayServeException: no serve instance runs.
    """
    return {name: registered(name, info) for name, info in deployments.list_all().items()}


def get_deployment_statuses() -> dict[str, DeploymentStatusInfo]:
    """name -> whether it is being changed, well, or failing and why (Ray 1.10-1.13).

    Raises:
        RayServeException: no serve instance runs.
    """
    return {
        name: DeploymentStatusInfo(DeploymentStatus(status), message, name)
        for name, (status, message) in deployments.statuses().items()
    }
