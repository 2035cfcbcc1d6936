"""`ray.serve.api` of Ray 0.8-2.6."""

from legacy.api import (
    Client,
    RoutePolicy,
    connect,
    create_backend,
    create_endpoint,
    delete_backend,
    delete_endpoint,
    get_backend_config,
    get_current_backend_tag,
    get_current_replica_tag,
    get_handle,
    get_replica_context,
    init,
    link,
    list_backends,
    list_endpoints,
    scale,
    set_backend_config,
    set_traffic,
    shadow_traffic,
    shutdown,
    split,
    start,
    stat,
    update_backend_config,
)
from legacy.replica.backends import accept_batch
from legacy.replica.batching import batch
from legacy.replica.context import ReplicaContext
from serve_compat.asgi.ingress import ingress
from serve_compat.deployments.deployment import Deployment, deployment
from serve_compat.deployments.registry import get_deployment, get_deployment_statuses, list_deployments
from serve_compat.graph.application import Application, build
from serve_compat.graph.run import delete, run
from serve_compat.names.teaching import teaching_getattr

__getattr__ = teaching_getattr(__name__)

__all__ = [
    "Application",
    "Client",
    "Deployment",
    "ReplicaContext",
    "RoutePolicy",
    "accept_batch",
    "batch",
    "build",
    "connect",
    "create_backend",
    "create_endpoint",
    "delete",
    "delete_backend",
    "delete_endpoint",
    "deployment",
    "get_backend_config",
    "get_current_backend_tag",
    "get_current_replica_tag",
    "get_deployment",
    "get_deployment_statuses",
    "get_handle",
    "get_replica_context",
    "ingress",
    "init",
    "link",
    "list_backends",
    "list_deployments",
    "list_endpoints",
    "run",
    "scale",
    "set_backend_config",
    "set_traffic",
    "shadow_traffic",
    "shutdown",
    "split",
    "start",
    "stat",
    "update_backend_config",
]
