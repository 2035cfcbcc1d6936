"""Ray Serve programs written for Ray 0.8 to 2.6, on today's Ray: `import serve_compat as serve`.

Every public name of the old `ray.serve` is here; it is loaded when first used, so that importing this package is cheap.
`serve-compat run script.py` and `serve_compat.install()` make `from ray import serve` mean this package.
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

from serve_compat import _core  # first: refuses to go on when another package is in the place of our core

_NAMES = {
    "legacy.api": (
        "RoutePolicy connect create_backend create_endpoint delete_backend delete_endpoint get_backend_config"
        " get_handle init link list_backends list_endpoints scale set_backend_config set_traffic shadow_traffic"
        " shutdown split start stat update_backend_config"
    ),
    "legacy.client": "Client",
    "legacy.config": "BackendConfig HTTPOptions",
    "legacy.environments.resolve": "CondaEnv",
    "legacy.replica.backends": "ImportedBackend accept_batch",
    "legacy.replica.batching": "batch",
    "legacy.replica.context": "get_current_backend_tag get_current_replica_tag get_replica_context",
    "legacy.replica.messages": "ServeRequest",
    "serve_compat.asgi.ingress": "ingress",
    "serve_compat.deployments.deployment": "deployment",
    "serve_compat.deployments.registry": "get_deployment list_deployments",
    "serve_compat.graph.application": "build",
    "serve_compat.graph.run": "delete run",
    "serve_compat.runner.alias": "install",
}
_HOME = {name: module for module, names in _NAMES.items() for name in names.split()}
_MODULES = """
    api backends batching client common config constants context dag deployment_graph drivers env exceptions handle
    http_adapters policy utils
"""
_SUBMODULES = tuple(_MODULES.split())
# What the old package called ray.serve.handle is serve_compat.handle, for programs, pickles and what `migrate` writes.
# In a folder of their own these modules do not hide our rooms. Only type checkers do not look there.
__path__.append(os.path.join(__path__[0], "modules"))

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name in _HOME:
        value = getattr(importlib.import_module(_HOME[name]), name)
        globals()[name] = value
        return value
    if name in _SUBMODULES:  # the old package imported its submodules, so `serve.api.Client` worked without an import
        return importlib.import_module(f"{__name__}.{name}")
    raise importlib.import_module(f"{__name__}.names.teaching").missing(name, __name__, __dir__(), sys._getframe(1))


def __dir__() -> list[str]:
    return [*globals(), *__all__, *_SUBMODULES]


_core.check()
