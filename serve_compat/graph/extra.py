"""What only some programs need and is installed with an extra."""

from __future__ import annotations

import importlib
from types import ModuleType


def fastapi() -> ModuleType:
    """The package fastapi, or an ImportError that says what to do."""
    try:
        importlib.import_module("fastapi.encoders")
        return importlib.import_module("fastapi")
    except ModuleNotFoundError as error:
        raise ImportError(
            "DAGDriver and http_adapters need FastAPI, which is not installed: pip install 'serve-compat[fastapi]'",
            name=error.name,
        ) from None
