"""The report of long runs: one section for each, which a later run of it replaces. Text only."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bench.endurance.figures import Figure

HEAD = """# Long runs

Written by `make endurance`; do not edit. Each run stands with the machine and the command it was made with; another
run of the same name replaces it. "told" binds nothing: the figure depends on the machine, or the run was too short.

Limits: load, killer and instance share the machine, and so do the nodes of the soak, which are processes of it. The
load is 4 to some hundred connections from Python, so these figures are no throughputs. A soak shows what it met:
nothing here proves an absence.
"""
_SECTION = re.compile(r"^## (\S+)\n", re.MULTILINE)


def section(name: str, command: str, machine: Sequence[tuple[str, str]], figures: Sequence[Figure]) -> str:
    """What one run found.

    Args:
        machine: what it ran on, as (what, value).
    """
    facts = "; ".join(f"{what}: {value}" for what, value in machine)
    rows = "\n".join(figure.row() for figure in figures)
    return f"## {name}\n\n`{command}`\n\n{facts}\n\n| what | measured | wanted | held |\n|---|---|---|---|\n{rows}\n"


def with_section(report: str, text: str, order: Sequence[str]) -> str:
    """A report with a section put in, or in the place of the one of the same name.

    Args:
        report: what there was; "" for none.
        order: of the names.
    """
    found = {name: f"## {name}\n{body}".rstrip() + "\n" for name, body in _sections(report)}
    found.update({name: f"## {name}\n{body}".rstrip() + "\n" for name, body in _sections(text)})
    return "\n".join([HEAD, *(found[name] for name in order if name in found)])


def _sections(report: str) -> list[tuple[str, str]]:
    parts = _SECTION.split(report)[1:]
    return list(zip(parts[::2], parts[1::2], strict=True))
