"""legacy.ingress.budget: bytes are counted once, given back once, and never more than there are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from legacy.ingress.budget import Arrived, Budget, Share, no_room


@given(st.integers(0, 100), st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60), st.booleans())))
def test_a_share_holds_what_was_taken_and_not_given_back(limit: int, steps: list[tuple[int, int, bool]]):
    share, held = Share(limit), list[int]()
    for size, spare, gives_back in steps:
        if gives_back and held:
            share.give_back(held.pop())
        fits = sum(held) + size + spare <= limit
        assert share.take(size, spare) == fits
        held += [size] * fits
        assert share.used == sum(held) <= limit


def test_what_was_never_taken_cannot_be_given_back():
    share = Share(10)
    assert share.take(4)
    with pytest.raises(ValueError, match="5 bytes are given back, but only 4 are held"):
        share.give_back(5)


def test_what_a_request_holds_is_counted_as_it_grows_and_given_back_once():
    share = Share(100)
    arrived = Arrived(share)
    assert arrived.has_room_for_head(30)
    assert arrived.has_room_for_head(40)
    assert arrived.has_room_for_body(60)
    assert not arrived.has_room_for_body(61)
    assert share.used == 100
    arrived.read()
    assert share.used == 40
    for _ in range(2):
        arrived.close()
        assert share.used == 0


@given(st.integers(1, 10**12))
def test_the_parts_are_the_whole(total: int):
    budget = Budget(total)
    parts = (budget.requests.limit, budget.answers.limit, budget.shadows.limit)
    assert sum(parts) == total
    assert parts[0] >= total / 2


def test_who_does_not_fit_is_told_how_full_it_is_when_to_come_back_and_what_to_set():
    share = Share(1000)
    share.take(990)
    error = no_room(share)
    assert (error.status, error.retry_after_s) == (503, 1)
    assert "990 of 1000 bytes" in str(error)
    assert "max_buffered_bytes" in str(error)
