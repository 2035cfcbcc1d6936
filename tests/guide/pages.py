"""Reads a page of the guide: files it shows, commands it gives, the output it promises."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

GUIDE = Path(__file__).resolve().parents[2] / "migration_guide"
FENCE = re.compile(r"^```(?P<kind>\S*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"`(?P<name>[\w./-]+\.\w+)`[^`\n]*:\s*\Z")
FILES = {"python", "json", "text"}
NOT_CODE = {"{toctree}"}


@dataclass(frozen=True)
class Command:
    line: str
    output: str
    status: int = 0


@dataclass
class Page:
    """Files by name and commands, in the order in which they stand there: a later file of a name replaces it."""

    steps: list[tuple[str, str] | Command] = field(default_factory=list)


def read(path: Path) -> Page:
    page = Page()
    text = path.read_text()
    indented = re.search(r"^\n    \S.*", FENCE.sub("", text), re.MULTILINE)
    assert not indented, f"{path.name}: an indented block is not run, fence it: {indented[0].strip()}"
    for found in FENCE.finditer(text):
        kind = found["kind"]
        if kind == "console":
            page.steps += commands(found["text"])
        elif kind not in NOT_CODE:
            assert kind in FILES, (
                f"{path.name}: a block of kind {kind!r} is neither run nor written:\n{found['text'][:200]}"
            )
            named = NAMED.search(text[: found.start()])
            assert named, f"{path.name}: the block has no file name in front:\n{found['text'][:200]}"
            page.steps.append((named["name"], found["text"]))
    return page


def commands(text: str) -> list[Command]:
    found = []
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        line, _, output = part.partition("\n")
        status = re.search(r"^\[exit status (\d+)\]\n", output, re.MULTILINE)
        if status:
            output = output[: status.start()]
        found.append(Command(line, output, int(status[1]) if status else 0))
    return found


def matches(promised: str, got: str) -> bool:
    """Whether the output is the promised one; `...` stands for anything."""
    pattern = ".*".join(re.escape(part) for part in re.split(r"\.\.\.\n?", promised.rstrip()))
    return re.fullmatch(pattern, got.rstrip(), re.DOTALL) is not None
