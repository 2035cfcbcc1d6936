"""What git says about files that are to be written."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path


def uncommitted(paths: Iterable[str]) -> list[str]:
    """Repositories whose work tree has changes that are not committed, among those that hold the files.

    Files outside of any repository, and machines without git, give nothing. Files that git does not know count only
    when they are among the given ones.
    """
    found = []
    by_top: dict[str, set[Path]] = {}
    for path in paths:
        top = _git(Path(path).resolve().parent, "rev-parse", "--show-toplevel").strip()
        if top:
            by_top.setdefault(top, set()).add(Path(path).resolve())
    for top, files in by_top.items():
        status = _git(Path(top), "status", "--porcelain", "-z", "--untracked-files=all").split("\0")
        for entry in status:
            if entry and (not entry.startswith("??") or (Path(top) / entry[3:]).resolve() in files):
                found.append(top)
                break
    return found


def _git(directory: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(["git", "-C", str(directory), *arguments], capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout if done.returncode == 0 else ""
