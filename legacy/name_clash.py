"""Finds a user's own package that is called like ours and would be imported in our place."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path


def packages_in_the_way(name: str, ours: Path, directories: Iterable[str]) -> list[Path]:
    """The packages or modules called `name` in these import directories that are not ours.

    Another copy of this project (a checkout beside an installation) is not in the way: it has `serve_compat` beside it.

    Args:
        ours: the directory of our package.
        directories: entries of an import path; "" is the current directory.
    """
    found = []
    for directory in directories:
        here = Path(directory or os.curdir)
        for candidate in (here / name / "__init__.py", here / f"{name}.py"):
            package = candidate.parent if candidate.name == "__init__.py" else candidate
            if candidate.is_file() and not _same(package, ours) and not (here / "serve_compat").is_dir():
                found.append(package.absolute())
    return found


def refusal(package: Path) -> str:
    """What to tell the user about a package in the way."""
    return (
        f"{package} is in the way of serve-compat's own package {package.stem!r}, here or in Ray's workers: both have "
        "the same import name. Rename yours, move it into a package of your own, or start the program from another "
        "directory"
    )


def _same(package: Path, ours: Path) -> bool:
    return package.exists() and ours.exists() and os.path.samefile(package, ours)
