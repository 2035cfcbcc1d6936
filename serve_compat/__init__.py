"""Ray Serve programs written for Ray 0.8 to 2.6, on today's Ray: `import serve_compat as serve`.

Every public name of the old `ray.serve` is here; it is loaded when first used, so that importing this package is cheap.
`serve-compat run script.py` and `serve_compat.install()` make `from ray import serve` mean this package.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

from serve_compat import _core  # first: refuses to go on when another package is in the place of our core

_NAMES = {
    "serve_compat.api": (
        "Client RoutePolicy connect create_backend create_endpoint delete_backend delete_endpoint get_backend_config"
        " get_handle init link list_backends list_endpoints scale set_backend_config set_traffic shadow_traffic"
        " shutdown split start stat update_backend_config"
    ),
    "legacy.replica.context": "get_current_backend_tag get_current_replica_tag get_replica_context",
    "serve_compat.backends": "ImportedBackend accept_batch",
    "legacy.replica.batching": "batch",
    "serve_compat.asgi": "ingress",
    "serve_compat.config": "BackendConfig HTTPOptions",
    "serve_compat.deployments": "deployment",
    "serve_compat.graph.application": "build",
    "serve_compat.graph.run": "delete run",
    "serve_compat.env": "CondaEnv",
    "legacy.replica.messages": "ServeRequest",
    "serve_compat.registry": "get_deployment list_deployments",
    "serve_compat.alias": "install",
}
_HOME = {name: module for module, names in _NAMES.items() for name in names.split()}
_MODULES = """
    alias api backends batching client common config constants context dag deployment_graph drivers env exceptions
    handle http_adapters policy utils
"""
_SUBMODULES = tuple(_MODULES.split())

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name in _HOME:
        value = getattr(importlib.import_module(_HOME[name]), name)
        globals()[name] = value
        return value
    if name in _SUBMODULES:  # the old package imported its submodules, so `serve.api.Client` worked without an import
        return importlib.import_module(f"{__name__}.{name}")
    raise importlib.import_module(f"{__name__}.teaching").missing(name, __name__, __dir__(), sys._getframe(1))


def __dir__() -> list[str]:
    return [*globals(), *__all__, *_SUBMODULES]


_core.check()
