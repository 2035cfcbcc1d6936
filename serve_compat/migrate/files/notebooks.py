"""Notebooks: the code cells as one text, and back. Magics, outputs and everything else keep their bytes."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from serve_compat.migrate.files import parsing

_MARK = "__serve_compat_cell__"
_CELL = re.compile(rf"^{_MARK} = (\d+)\n?", re.MULTILINE)
_MAGIC = re.compile(r"^(\s*)([%!?].*|[^#'\"\n]*[^=<>!]=\s*[%!]\w.*|[\w.]+\?{1,2}\s*)$")
_KEPT = re.compile(r"^(\s*)pass  # serve-compat magic (\d+)$", re.MULTILINE)
_PYTHON_CELL = re.compile(r"%%(?:time|timeit|capture|prun)\b")
_MENTIONS = re.compile(r"\bserve\b")
_SPACE = re.compile(r"[\s,:]*")


@dataclass
class Notebook:
    """A notebook's code.

    Attributes:
        raw: the whole file.
        cells: (number of the cell from 0, its source) of each cell with Python code.
        text: all of them as one text.
        magics: the lines that are for IPython, which have a stand-in in `text`.
        broken: what is wrong with each cell that mentions Serve and is no Python; such cells are left as they are.
    """

    raw: str
    cells: list[tuple[int, str]]
    text: str
    magics: list[str]
    broken: list[str] = field(default_factory=list)

    def with_text(self, text: str) -> str:
        """The file with the cells of a rewritten text.

        Raises:
            ValueError: the text's cells are not those of the notebook.
        """
        parts = _CELL.split(text)
        numbers, sources = parts[1::2], parts[2::2]
        if [int(number) for number in numbers] != [number for number, _ in self.cells] or (parts[0] and not sources):
            raise ValueError("the cells of the rewritten text are not those of the notebook")
        if parts[0]:  # what belongs at the top of a program belongs into its first cell
            sources[0] = parts[0] + sources[0]
        spans = source_spans(self.raw)
        made = self.raw
        for (number, old), new in reversed(list(zip(self.cells, sources, strict=True))):
            restored = _KEPT.sub(lambda found: self.magics[int(found[2])], new).removesuffix("\n")
            restored = _magic_first(restored, old) + ("\n" if old.endswith("\n") else "")
            if restored != old:
                start, end = spans[number]
                made = made[:start] + _styled(restored, self.raw[start:end], self.raw.isascii()) + made[end:]
        return made

    def place(self, line: int) -> tuple[int, int]:
        """The cell, counted from 1, and the line in it, of a line of `text`."""
        cell, first = 0, 0
        for number, content in enumerate(parsing.lines(self.text), 1):
            if number > line:
                break
            found = _CELL.match(content)
            if found:
                cell, first = int(found[1]) + 1, number
        return cell, line - first


def opened(raw: str) -> Notebook:
    """The code of a notebook.

    Raises:
        ValueError: it is no notebook of format 4 or above.
    """
    document = json.loads(raw)
    found = document.get("cells") if isinstance(document, dict) else None
    if not isinstance(found, list):
        raise ValueError("it is no notebook of format 4: it has no cells")
    cells: list[tuple[int, str]] = []
    notebook = Notebook(raw, cells, "", [])
    for number, cell in enumerate(found):
        source = _source(cell)
        if cell.get("cell_type") != "code" or (source.lstrip().startswith("%%") and not _PYTHON_CELL.match(source)):
            continue
        try:
            python = _without_magics(source, notebook.magics)
        except (SyntaxError, RecursionError) as error:
            if _MENTIONS.search(source):
                why = parsing.why(error) if isinstance(error, SyntaxError) else str(error)
                notebook.broken.append(f"cell {number + 1}: {why}; the cell is left as it is")
            continue
        cells.append((number, source))
        notebook.text += f"{_MARK} = {number}\n{python}" + ("" if python.endswith("\n") or not python else "\n")
    return notebook


def _source(cell: Any) -> str:
    source = cell.get("source", "")
    return source if isinstance(source, str) else "".join(source)


def _without_magics(source: str, magics: list[str]) -> str:
    """The source with a stand-in for each line that is for IPython.

    Only a line at which Python stops is taken for one: `% values` also continues a formatted text.

    Raises:
        SyntaxError, RecursionError: what is left is no Python.
    """
    lines = parsing.LINE.findall(source)
    for _ in range(len(lines) + 1):
        text = "".join(lines)
        try:
            parsing.check(text)
        except SyntaxError as error:
            at = (error.lineno or 0) - 1
            if not 0 <= at < len(lines) or not _replace(lines, at, magics):
                break
        else:
            return text
    for number in range(len(lines)):  # Python told about another place: an open quotation mark in a magic, say
        _replace(lines, number, magics)
    text = "".join(lines)
    parsing.check(text)
    return text


def _replace(lines: list[str], number: int, magics: list[str]) -> bool:
    """Put stand-ins for the magic at a line and for the lines that continue it; False if there is none."""
    found = _MAGIC.match(lines[number].rstrip("\r\n"))
    if not found:
        return False
    goes_on = True
    while goes_on and number < len(lines):
        body = lines[number].rstrip("\r\n")
        goes_on = body.endswith("\\")
        magics.append(body)
        lines[number] = f"{found[1]}pass  # serve-compat magic {len(magics) - 1}{lines[number][len(body) :]}"
        number += 1
    return True


def _magic_first(source: str, old: str) -> str:
    """The source with the magic of a whole cell in its first line, where IPython wants it."""
    magic = old.split("\n", 1)[0]
    if not magic.startswith("%%") or source.startswith(magic):
        return source
    before, _, after = source.partition(magic + "\n")
    return f"{magic}\n{before}{after}"


def _styled(source: str, old: str, ascii_only: bool) -> str:
    """JSON of a source, written as the old one was: a text, or a list with one line each and the same indentation."""
    if old.startswith('"'):
        return json.dumps(source, ensure_ascii=ascii_only)
    lines = [json.dumps(line, ensure_ascii=ascii_only) for line in source.splitlines(keepends=True)]
    gap = re.match(r"\[(\s*)", old)
    end = re.search(r"(\s*)\]$", old)
    opening, closing = (gap[1] if gap else ""), (end[1] if end else "")
    return f"[{opening}" + f",{opening or ' '}".join(lines) + f"{closing}]"


def source_spans(raw: str) -> dict[int, tuple[int, int]]:
    """Where the `source` of each cell stands in the file's text, by the cell's number from 0."""
    decoder = json.JSONDecoder()
    spans: dict[int, tuple[int, int]] = {}
    at = _member(raw, raw.index("{") + 1, "cells", decoder)
    if at is None:
        return spans
    place = _SPACE.match(raw, at + 1).end()  # type: ignore[union-attr]
    number = 0
    while raw[place] != "]":
        _, end = decoder.raw_decode(raw, place)
        start = _member(raw, place + 1, "source", decoder)
        if start is not None:
            spans[number] = (start, decoder.raw_decode(raw, start)[1])
        place = _SPACE.match(raw, end).end()  # type: ignore[union-attr]
        number += 1
    return spans


def _member(raw: str, place: int, wanted: str, decoder: json.JSONDecoder) -> int | None:
    """Where the value of a key begins, in the object whose inside begins at the place."""
    while True:
        place = _SPACE.match(raw, place).end()  # type: ignore[union-attr]
        if raw[place] == "}":
            return None
        key, place = decoder.raw_decode(raw, place)
        place = _SPACE.match(raw, place).end()  # type: ignore[union-attr]
        if key == wanted:
            return place
        _, place = decoder.raw_decode(raw, place)
