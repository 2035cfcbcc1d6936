"""DATA: the public names of this package, by the module each is loaded from: the core's, and what this package adds."""

from __future__ import annotations

import pkgutil
from pathlib import Path

from legacy import public_names as core

_API = {
    "serve_compat.asgi.ingress": "ingress",
    "serve_compat.deployments.deployment": "deployment",
    "serve_compat.deployments.registry": "get_deployment list_deployments",
    "serve_compat.graph.application": "build",
    "serve_compat.graph.run": "delete run",
}
_PACKAGE = {"serve_compat.runner.alias": "install"}
_API_ONLY = {
    "legacy.config": "AutoscalingConfig BackendConfig BackendMetadata",
    "legacy.constants": "DEFAULT_HTTP_HOST DEFAULT_HTTP_PORT",
    "legacy.environments.resolve": "CondaEnv",
    "legacy.errors": "RayServeException",
    "legacy.handle": "RayServeHandle RayServeSyncHandle",
    "legacy.http_options": "HTTPOptions",
    "legacy.logs": "logger",
    "legacy.replica.backends": "accept_batch",
    "legacy.replica.batching": "batch",
    "legacy.replica.context": "ReplicaContext",
    "serve_compat.deployments.deployment": "Deployment",
    "serve_compat.deployments.registry": "get_deployment_statuses",
    "serve_compat.graph.application": "Application",
    "serve_compat.graph.handles": "RayServeDAGHandle",
}

PACKAGE = core.modules_by_name(core.API, core.PACKAGE, _API, _PACKAGE)
API = core.modules_by_name(core.API, _API, _API_ONLY)
MODULES = tuple(found.name for found in pkgutil.iter_modules([str(Path(__file__).parents[1] / "modules")]))
"""The modules of the old package."""
