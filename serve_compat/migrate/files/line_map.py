"""Which line of a text another line was made from."""

from __future__ import annotations

import difflib
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Sequence

from serve_compat.migrate.files import parsing

_LONG = 500
"""Lines from which on two texts are not compared as a whole: that takes time which grows with their square."""


def line_map(made: str, original: str) -> Callable[[int], int]:
    """From line numbers of a text to those of the text it was made from."""
    if made == original:
        return lambda line: line
    ours, theirs = parsing.lines(made), parsing.lines(original)
    found: dict[int, int] = {}
    begin = other_begin = 0
    anchors = _anchors(ours, theirs) if len(ours) > _LONG else []
    for end, other_end in (*anchors, (len(ours), len(theirs))):
        matcher = difflib.SequenceMatcher(None, ours[begin:end], theirs[other_begin:other_end], autojunk=False)
        for _, first, last, other, other_last in matcher.get_opcodes():
            for number in range(first, last):
                found[begin + number + 1] = other_begin + min(other + number - first, max(other_last - 1, other)) + 1
        begin, other_begin = end, other_end
    return lambda line: min(found.get(line, line), len(theirs)) if line else 0


def _anchors(made: Sequence[str], original: Sequence[str]) -> list[tuple[int, int]]:
    """The places of lines that both texts have once, in the same order: what lies between two of them is short."""
    other = _once(original)
    pairs = [(place, other[line]) for line, place in _once(made).items() if line in other]
    lowest: list[int] = []  # of the rows of each length that go up, the one with the lowest end
    last: list[int] = []
    before: list[int] = []
    for number, (_, place) in enumerate(pairs):
        length = bisect_left(lowest, place)
        before.append(last[length - 1] if length else -1)
        lowest[length : length + 1], last[length : length + 1] = [place], [number]
    row, number = [], last[-1] if last else -1
    while number >= 0:
        row.append(pairs[number])
        number = before[number]
    return row[::-1]


def _once(lines: Sequence[str]) -> dict[str, int]:
    counts = Counter(lines)
    return {line: number for number, line in enumerate(lines) if counts[line] == 1}
