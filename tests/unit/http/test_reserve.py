"""legacy.http.reserve: descriptors that are held for nothing."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator

import pytest

from legacy.http.reserve import Reserve
from tests.http.descriptors import none_left


@pytest.fixture
def reserve() -> Iterator[Reserve]:
    made = Reserve(3)
    yield made
    made.empty()


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_it_holds_as_many_as_it_should_and_gives_up_each_once(reserve: Reserve) -> None:
    before = open_files()
    assert reserve.fill()
    assert reserve.fill()
    assert open_files() == before + 3
    assert [reserve.give_up() for _ in range(4)] == [True, True, True, False]
    assert open_files() == before


def test_what_it_gives_up_can_be_had_though_all_others_are_taken(reserve: Reserve) -> None:
    assert reserve.fill()
    with none_left():
        assert reserve.give_up()
        descriptor = os.dup(0)
        assert not reserve.fill()
        os.close(descriptor)
        assert reserve.fill()


def test_a_limit_below_what_is_in_use_leaves_the_lowest_one_useful(reserve: Reserve) -> None:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert reserve.fill()
    low = min(reserve._held)
    fillers = [os.dup(0) for _ in range(low)]  # none below it is free
    resource.setrlimit(resource.RLIMIT_NOFILE, (low + 1, limits[1]))
    try:
        assert reserve.give_up()
        os.close(os.dup(0))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        for descriptor in fillers:
            os.close(descriptor)
