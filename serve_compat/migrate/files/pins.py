"""Pins of an old Ray beside the code: told, not edited."""

from __future__ import annotations

import re

from serve_compat.migrate.findings import Finding
from serve_compat.migrate.rule import Rule

SC007 = Rule(
    "SC007",
    "a pin of an old Ray in requirements, pyproject.toml, Dockerfile, setup or conda files",
    "compat",
    "The migrated program needs today's Ray; the pin would bring the old one back.",
    automatic=False,
)

_PIN = re.compile(
    r"""(?<![\w./-])ray(?:\[[^\]]*\])?["']?\s*(?:==|~=|<=?|=(?=\s*["']?[<=~^]?\d)|=\s*\{?\s*version\s*=|:(?=\d))\s*["']?[<=~^]*\s*(\d+)(?:\.(\d+))?"""
)
_IMAGE = re.compile(r"rayproject/ray(?:-ml)?:(\d+)\.(\d+)")
LAST_OLD = (2, 6)
"""The last release whose programs are migrated; pins of later ones do no harm."""


def pins(path: str, text: str) -> list[Finding]:
    """A note for each line that holds Ray back at an old release.

    Args:
        path: the file, as the report shall name it.
        text: its content: requirements, pyproject.toml, setup, Dockerfile, conda or Pipfile.
    """
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        hit = _PIN.search(line.split("#")[0]) or _IMAGE.search(line)
        if hit and (int(hit[1]), int(hit[2] or 0)) <= LAST_OLD:
            message = f"this line holds Ray at an old release: {line.strip()}"
            found.append(Finding(path, number, SC007.id, "note", message))
    return found
