"""Makes sure that `legacy` means our core, and not a user's own package of that name."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path


def check() -> None:
    """Raise ImportError when another package called `legacy` comes first on the import path."""
    ours = Path(__file__).parent.parent / "legacy"
    spec = importlib.util.find_spec("legacy")
    where = None if spec is None else spec.origin or next(iter(spec.submodule_search_locations or []), None)
    if where is None:
        raise ImportError(
            f"serve-compat is not installed completely: its package 'legacy' is missing, it belongs in {ours}"
        )
    directory = Path(where).parent if where.endswith(".py") and Path(where).stem == "__init__" else Path(where)
    if ours.is_dir() and not os.path.samefile(directory, ours):
        raise ImportError(
            f"{directory} is in the way of serve-compat's own package 'legacy' in {ours}: both have the same import "
            "name. Rename yours, move it into a package of your own, or start the program from another directory",
            name="legacy",
            path=str(directory),
        )
