"""Fingerprints of environments: whether one is still, or elsewhere, the same, by what is quick to see."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path


def package_fingerprint(prefix: str) -> str:
    """A hash of the names and versions of everything that conda or pip installed there; "" without an environment."""
    found = sorted(_packages(Path(prefix)))
    return hashlib.sha256("\0".join(found).encode()).hexdigest() if found else ""


def change_stamp(prefix: str) -> tuple[int, ...]:
    """Changes whenever conda or pip changes the environment."""
    watched = (Path(prefix), Path(prefix, "bin"), Path(prefix, "conda-meta"), *_sites(Path(prefix)))
    return tuple(path.stat().st_mtime_ns for path in watched if path.exists())


def file_stamp(file: str) -> tuple[int, ...] | None:
    """Changes whenever a file is replaced or written to; None for none."""
    try:
        found = os.stat(file)
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _packages(prefix: Path) -> Iterator[str]:
    yield from (path.stem for path in (prefix / "conda-meta").glob("*.json"))
    for site in _sites(prefix):
        yield from (name for name in os.listdir(site) if name.endswith((".dist-info", ".egg-info")))


def _sites(prefix: Path) -> list[Path]:
    return sorted(prefix.glob("lib/python*/site-packages"))
