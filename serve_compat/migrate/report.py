"""The report: for people as lines, for programs as JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict

from serve_compat.migrate.engine import Result
from serve_compat.migrate.findings import Finding
from serve_compat.migrate.rules import RULES

SCHEMA_VERSION = 1
"""Grows when a field changes its meaning or goes; new fields do not change it."""


def as_json(results: Sequence[Result], notes: Sequence[Finding], target: str, scanned: int) -> str:
    """The report of a run.

    Args:
        results: the files that may use Serve.
        notes: findings in other files.
        target: the stage.
        scanned: how many files were looked at.
    """
    findings = [finding for result in results for finding in result.findings]
    document = {
        "schema_version": SCHEMA_VERSION,
        "to": target,
        "summary": counts(results, scanned),
        "files": [
            {"path": result.path, "changed": result.changed, "error": result.error or None}
            for result in results
            if result.used or result.error
        ],
        "findings": [{**asdict(each), "title": _title(each.rule)} for each in (*findings, *notes)],
    }
    return json.dumps(document, indent=2) + "\n"


def _title(rule: str) -> str:
    return RULES[rule].title if rule in RULES else ""


def counts(results: Sequence[Result], scanned: int) -> dict[str, int]:
    """The figures of a run by name."""
    actions = Counter(finding.action for result in results for finding in result.findings)
    return {
        "scanned": scanned,
        "use_serve": sum(result.used for result in results),
        "changed": sum(result.changed for result in results),
        "unresolved": sum(finding.needs_a_hand for result in results for finding in result.findings),
        "failed": sum(bool(result.error) for result in results),
        "left_alone": actions["left-alone"],
    }


def summary(figures: dict[str, int], written: bool) -> str:
    """The last line for people."""
    verb = "changed" if written else "to change"
    parts = [
        f"{figures['scanned']} files looked at",
        f"{figures['use_serve']} use Ray Serve",
        f"{figures['changed']} {verb}",
    ]
    if figures["unresolved"]:
        parts.append(f"{figures['unresolved']} places need a hand (they run on serve_compat as they are)")
    if figures["failed"]:
        parts.append(f"{figures['failed']} files could not be worked on")
    return ", ".join(parts)
