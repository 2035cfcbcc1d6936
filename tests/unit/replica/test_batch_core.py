import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from legacy.errors import RayServeException
from legacy.replica.batch_core import BatchCore, answers


def test_a_full_batch_is_due_at_once():
    core = BatchCore(max_size=2, wait_s=10)
    core.add("a", now=0)
    assert core.take(now=0) == []
    core.add("b", now=1)
    assert core.take(now=1) == ["a", "b"]


def test_a_partial_batch_is_due_when_its_oldest_item_has_waited_long_enough():
    core = BatchCore(max_size=5, wait_s=2)
    core.add("a", now=1)
    core.add("b", now=2.5)
    assert core.look_again_at() == 3
    assert core.take(now=2.9) == []
    assert core.take(now=3) == ["a", "b"]


def test_without_a_wait_whatever_is_there_is_due():
    core = BatchCore(max_size=5, wait_s=0)
    for item in "abc":
        core.add(item, now=7)
    assert core.take(now=7) == ["a", "b", "c"]


def test_one_batch_at_a_time_when_asked_for():
    core = BatchCore(max_size=1, wait_s=0, at_once=1)
    core.add("a", now=0)
    core.add("b", now=0)
    assert core.take(now=0) == ["a"]
    assert core.take(now=0) == []
    assert core.look_again_at() is None
    core.finished()
    assert core.take(now=0) == ["b"]


def test_an_item_whose_caller_gave_up_drops_out():
    core = BatchCore(max_size=3, wait_s=0)
    items = [object(), object()]
    for item in items:
        core.add(item, now=0)
    core.discard(items[0])
    assert core.take(now=0) == [items[1]]


def test_a_smaller_size_holds_for_items_that_wait_already():
    core = BatchCore(max_size=9, wait_s=5)
    for item in "abc":
        core.add(item, now=0)
    core.max_size = 2
    assert core.take(now=0) == ["a", "b"]
    assert core.take(now=0) == []


@given(
    st.integers(1, 5),
    st.floats(0, 3),
    st.lists(st.tuples(st.sampled_from(["add", "look", "give up"]), st.floats(0, 1)), max_size=40),
)
def test_batches_keep_order_and_size_and_nobody_waits_too_long(max_size, wait_s, steps):
    core = BatchCore(max_size, wait_s)
    now, there, taken = 0.0, [], []  # `there` is what a plain list of (arrival, item) would hold
    for number, (step, delay) in enumerate(steps):
        now += delay
        if step == "add":
            core.add(number, now)
            there.append((now, number))
        elif step == "give up" and there:
            core.discard(there.pop(len(there) // 2)[1])
        while batch := core.take(now):
            assert batch == [item for _, item in there[: len(batch)]]
            assert len(batch) <= max_size
            del there[: len(batch)]
            taken += batch
        assert len(core) == len(there) < max_size
        assert all(now < arrival + wait_s for arrival, _ in there)
    assert taken == sorted(taken)


@pytest.mark.parametrize("result", [[1, 2], (1, 2), "12", (x for x in (1, 2)), np.array([1, 2]), range(1, 3)])
def test_any_ordered_iterable_of_the_right_length_is_an_answer(result):
    assert [int(one) for one in answers(result, 2, "model")] == [1, 2]


@pytest.mark.parametrize("result", [None, 5, {0: 1, 1: 2}, {1, 2}])
def test_a_result_without_order_is_refused(result):
    with pytest.raises(RayServeException, match="model handles batches and must return a list"):
        answers(result, 2, "model")


@pytest.mark.parametrize("result", [[], [1], [1, 2, 3]])
def test_another_number_of_answers_is_refused(result):
    with pytest.raises(RayServeException, match=f"given 2 requests and returned {len(result)}"):
        answers(result, 2, "model")
