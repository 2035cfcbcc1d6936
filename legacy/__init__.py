"""The core of serve-compat: backends, endpoints, traffic, replicas and handles of Ray Serve 0.8-1.7 on today's Ray.

`from legacy import start, BackendConfig, ...` gives the same names as `serve_compat`; they are loaded when first used.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

from legacy.name_clash import packages_in_the_way, refusal

_MODULES = {
    "legacy.api": (
        "RoutePolicy connect create_backend create_endpoint delete_backend delete_endpoint get_backend_config"
        " get_handle init link list_backends list_endpoints set_backend_config set_traffic shadow_traffic shutdown"
        " split start stat update_backend_config"
    ),
    "legacy.replica.context": "get_current_backend_tag get_current_replica_tag get_replica_context",
    "legacy.client": "Client",
    "legacy.config": "BackendConfig BackendMetadata DeploymentMode HTTPOptions",
    "legacy.environments.resolve": "CondaEnv",
    "legacy.errors": "RayServeException",
    "legacy.handle": "RayServeHandle RayServeSyncHandle",
    "legacy.replica.backends": "ImportedBackend accept_batch",
    "legacy.replica.batching": "batch",
    "legacy.replica.messages": "ServeEncoder ServeMultiDict ServeRequest",
}
_HOME = {name: module for module, names in _MODULES.items() for name in names.split()}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*globals(), *__all__]


def _refuse_to_be_shadowed() -> None:
    # Ray puts the script's directory and the current one in front of every worker's import path
    for package in packages_in_the_way("legacy", Path(__file__).parent, (sys.path[0] if sys.path else "", "")):
        raise ImportError(refusal(package), name="legacy", path=str(package))


_refuse_to_be_shadowed()
