"""What makes a Python program run with `ray.serve` as this package, in its workers and sub-processes too."""

from __future__ import annotations

import os
from pathlib import Path

from serve_compat.alias import ERA_VARIABLE

SITE = Path(__file__).parent / "_site"


def environment_changes(python_path: str, era: str | None = None) -> dict[str, str]:
    """The variables to set for such a program.

    Args:
        python_path: PYTHONPATH as it is now.
        era: the generation it was written for, if the user said so.
    """
    entries = [str(SITE), *(entry for entry in python_path.split(os.pathsep) if entry and entry != str(SITE))]
    return {"PYTHONPATH": os.pathsep.join(entries), **({ERA_VARIABLE: era} if era else {})}
