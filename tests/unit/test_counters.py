"""legacy.ingress.counters."""

from __future__ import annotations

from legacy.ingress.counters import add, increases


def test_increases_are_what_came_on_top():
    counts: dict[str, int] = {}
    add(counts, "a")
    before = dict(counts)
    add(counts, "a", 2)
    add(counts, "b")
    assert increases(counts, before) == {"a": 2, "b": 1}
    assert increases(counts, counts) == {}
