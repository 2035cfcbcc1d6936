"""DATA: the public names of the core, by the module each is loaded from when it is first used.

`legacy` offers them all, `legacy.api` those of `API`. `serve_compat` adds those of deployments and graphs and offers
everything the old `ray.serve` had.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

API = {
    "legacy.api": (
        "connect create_backend create_endpoint delete_backend delete_endpoint get_backend_config get_handle link"
        " list_backends list_endpoints scale set_backend_config set_traffic shadow_traffic shutdown split start"
        " update_backend_config"
    ),
    "legacy.client": "Client",
    "legacy.early.api": "RoutePolicy init stat",
    "legacy.replica.context": "get_current_backend_tag get_current_replica_tag get_replica_context",
}
PACKAGE = {
    "legacy.config": "BackendConfig",
    "legacy.environments.resolve": "CondaEnv",
    "legacy.http_options": "HTTPOptions",
    "legacy.replica.backends": "ImportedBackend accept_batch",
    "legacy.replica.batching": "batch",
    "legacy.replica.messages": "ServeRequest",
}
MODULES = {  # the old package had them in modules only
    "legacy.config": "BackendMetadata",
    "legacy.errors": "RayServeException",
    "legacy.handle": "RayServeHandle RayServeSyncHandle",
    "legacy.http_options": "DeploymentMode",
    "legacy.replica.messages": "ServeMultiDict",
    "legacy.replica.results": "ServeEncoder",
}


def modules_by_name(*tables: Mapping[str, str]) -> dict[str, str]:
    """name -> the module it is loaded from."""
    return {name: module for table in tables for module, names in table.items() for name in names.split()}


def load(name: str, module: str, namespace: dict[str, Any]) -> Any:
    """What a name means; the namespace has it from then on."""
    value = namespace[name] = getattr(importlib.import_module(module), name)
    return value
