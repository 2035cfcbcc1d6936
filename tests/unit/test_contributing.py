"""CONTRIBUTING: its map of the house and its table of changes name what is there, and every room."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    return TEXT.split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]


def paths_of_map() -> list[str]:
    """What the map names, in whole paths: a line's depth says in which folder its names lie."""
    found: list[str] = []
    folders: list[tuple[int, str]] = []
    for line in section("Where things are").splitlines():
        if not re.match(r" {4,8}[a-z_]+[/.]", line):
            continue
        depth = len(line) - len(line.lstrip())
        folders = [folder for folder in folders if folder[0] < depth]
        inside = folders[-1][1] if folders else ""
        names = re.match(r"\s*((?:[a-z_]+(?:/|\.py) ?)+)", line)
        assert names is not None, line
        found += [inside + name for name in names.group(1).split()]
        folders.append((depth, found[-1]))
    return found


def test_the_map_names_only_what_is_there():
    assert [path for path in paths_of_map() if not (ROOT / path).exists()] == []


def test_every_room_of_the_product_is_on_the_map():
    rooms = {path.parent.relative_to(ROOT).as_posix() + "/" for path in ROOT.glob("*/*/*.py")}
    rooms |= {path.parent.relative_to(ROOT).as_posix() + "/" for path in ROOT.glob("serve_compat/migrate/*/*.py")}
    product = {room for room in rooms if room.startswith(("legacy/", "serve_compat/"))}
    assert product - set(paths_of_map()) == set()


def test_no_change_of_the_table_touches_more_than_four_files():
    rows = [line for line in section("Twelve changes, and the files they touch").splitlines() if line.startswith("| ")]
    assert len(rows) == 1 + 12
    for row in rows[1:]:
        named = re.findall(r"`([\w.]*/[\w./]+)`", row)
        assert named, row
        assert all((ROOT / name).exists() for name in named), row
        # a step stands behind each semicolon; of two ways of one row each counts alone
        assert all(len(way.split(";")) <= 4 for way in row.split("From clients:")), row
