import asyncio
import copy
import json
import pickle
from dataclasses import dataclass

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serve_compat.graph.refs import Awaited, EitherRef, ReferenceRef, twice_awaitable

SCALARS = st.integers() | st.floats(allow_nan=False) | st.text() | st.binary() | st.complex_numbers(allow_nan=False)
VALUES = (
    SCALARS
    | st.lists(SCALARS)
    | st.dictionaries(st.text(), SCALARS)
    | st.tuples(SCALARS)
    | st.sets(st.integers(), max_size=1)
)


async def awaited(value):
    return await value


async def gathered(*values):
    return await asyncio.gather(*values)


@given(VALUES)
def test_a_built_in_value_is_equal_and_can_be_awaited(value):
    either = twice_awaitable(value)
    assert isinstance(either, type(value))
    assert (either, repr(either), str(either), bool(either)) == (value, repr(value), str(value), bool(value))
    assert asyncio.run(awaited(either)) == value


@given(VALUES)
def test_a_built_in_value_leaves_the_process_as_a_plain_one(value):
    either = twice_awaitable(value)
    for plain in (pickle.loads(pickle.dumps(either)), copy.deepcopy(either)):
        assert (plain, type(plain)) == (value, type(value))


def test_values_can_be_gathered_and_written_as_json():
    values = [twice_awaitable(value) for value in ([1], {"a": 2}, "x", 1.5, 7)]
    assert asyncio.run(gathered(*values)) == [[1], {"a": 2}, "x", 1.5, 7]
    assert json.dumps(values) == '[[1], {"a": 2}, "x", 1.5, 7]'


def test_an_array_stays_an_array_and_what_is_computed_from_it_is_plain():
    array = numpy.arange(4.0).reshape(2, 2)
    either = asyncio.run(awaited(twice_awaitable(array)))
    assert repr(either) == repr(array)
    assert (either + 1 == array + 1).all()
    assert (type(either + 1), type(either.sum()), type(either[0, 1])) == (numpy.ndarray, numpy.float64, numpy.float64)
    assert type(pickle.loads(pickle.dumps(either, protocol=5))) is numpy.ndarray


def test_a_numpy_number_stays_what_it_is():
    either = asyncio.run(awaited(twice_awaitable(numpy.float32(1.5))))
    assert (either, either.dtype, repr(either)) == (1.5, numpy.float32, repr(numpy.float32(1.5)))


def test_an_instance_of_a_python_class_is_given_back_itself():
    @dataclass
    class Answer:
        label: str

    answer = Answer("cat")
    assert twice_awaitable(answer) is answer
    assert asyncio.run(awaited(answer)) is answer
    assert answer == Answer("cat")


@pytest.mark.parametrize("value", [None, True, False, len, int, range(3)])
def test_what_cannot_be_helped_comes_as_it_is(value):
    assert twice_awaitable(value) is value


def test_the_setting_has_three_values_and_unset_pleases_both():
    assert [Awaited(text).name for text in ("", "1", "0")] == ["EITHER", "VALUE", "REFERENCE"]
    assert issubclass(ReferenceRef, EitherRef)
    with pytest.raises(ValueError, match="set it to 1"):
        Awaited("yes")
