"""What only some programs need, so that it may not be installed."""

from __future__ import annotations

import importlib
from types import ModuleType

from legacy.dependencies import REQUIREMENTS


def fastapi() -> ModuleType:
    """The package fastapi, or an ImportError that says what to do."""
    try:
        importlib.import_module("fastapi.encoders")
        return importlib.import_module("fastapi")
    except ModuleNotFoundError as error:
        raise ImportError(
            "DAGDriver and http_adapters need FastAPI, which is not installed: "
            f"pip install '{REQUIREMENTS['fastapi']}'",
            name=error.name,
        ) from None
