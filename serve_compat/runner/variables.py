"""What makes a Python program run with `ray.serve` as this package, in its workers and sub-processes too."""

from __future__ import annotations

import os

from serve_compat.runner.alias import extended
from serve_compat.runner.ray_calls import ERA_VARIABLE

RECORD_VARIABLE = "SERVE_COMPAT_RECORD"


def environment_changes(python_path: str, era: str | None = None, record: str | None = None) -> dict[str, str]:
    """The variables to set for such a program.

    Args:
        python_path: PYTHONPATH as it is now.
        era: the generation it was written for, if the user said so.
        record: a file for the requests that it gets, if the user wants them. A cluster that runs already does not
            learn of it.
    """
    recording = {RECORD_VARIABLE: os.path.abspath(record)} if record else {}
    return {"PYTHONPATH": extended(python_path), **({ERA_VARIABLE: era} if era else {}), **recording}
