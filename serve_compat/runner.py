"""What makes a Python program run with `ray.serve` as this package, in its workers and sub-processes too."""

from __future__ import annotations

import os
from pathlib import Path

from serve_compat.alias import ERA_VARIABLE

RECORD_VARIABLE = "SERVE_COMPAT_RECORD"
SITE = Path(__file__).parent / "_site"


def environment_changes(python_path: str, era: str | None = None, record: str | None = None) -> dict[str, str]:
    """The variables to set for such a program.

    Args:
        python_path: PYTHONPATH as it is now.
        era: the generation it was written for, if the user said so.
        record: a file for the requests that it gets, if the user wants them. A cluster that runs already does not
            learn of it.
    """
    entries = [str(SITE), *(entry for entry in python_path.split(os.pathsep) if entry and entry != str(SITE))]
    recording = {RECORD_VARIABLE: os.path.abspath(record)} if record else {}
    return {"PYTHONPATH": os.pathsep.join(entries), **({ERA_VARIABLE: era} if era else {}), **recording}
