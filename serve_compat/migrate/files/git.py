"""What git says about files that are to be written."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable
from pathlib import Path


def uncommitted(paths: Iterable[str]) -> list[str]:
    """Repositories whose work tree has changes that are not committed, among those that hold the files.

    Files outside of any repository, and machines without git, give nothing. Files that git does not know count only
    when they are among the given ones.
    """
    found = []
    by_directory: dict[Path, set[Path]] = {}
    for path in paths:
        real = Path(path).resolve()
        by_directory.setdefault(real.parent, set()).add(real)
    by_top: dict[str, set[Path]] = {}
    for directory, inside in by_directory.items():
        by_top.setdefault(top(directory), set()).update(inside)
    by_top.pop("", None)
    for repository, files in by_top.items():
        status = _git(Path(repository), "status", "--porcelain", "-z", "--untracked-files=all").split("\0")
        for entry in status:
            if entry and (not entry.startswith("??") or (Path(repository) / entry[3:]).resolve() in files):
                found.append(repository)
                break
    return found


def top(directory: Path) -> str:
    """The repository's top directory; "" outside of any."""
    return _git(directory, "rev-parse", "--show-toplevel").removesuffix("\n")


def _git(directory: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(["git", "-C", str(directory), *arguments], capture_output=True, check=False)
    except OSError:
        return ""
    return os.fsdecode(done.stdout) if done.returncode == 0 else ""
