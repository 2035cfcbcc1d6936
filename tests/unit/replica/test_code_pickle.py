"""Code on its way to a replica, where cloudpickle alone is not enough; ASGI applications: tests/unit/asgi."""

import threading

import pytest
from pydantic import BaseModel

from legacy.replica.code_pickle import pickled, unpacked


def test_a_model_does_not_take_the_local_variables_of_its_function_along():
    lock = threading.Lock()

    class Item(BaseModel):
        name: str

    class Items(BaseModel):
        items: list[Item]

    def make(names):
        return Items(items=[{"name": name} for name in names])

    made = unpacked(pickled(make, (), {}))[0]("ab")
    assert made.model_dump() == {"items": [{"name": "a"}, {"name": "b"}]}
    with pytest.raises(TypeError, match="lock"):
        pickled(lambda: lock, (), {})


def test_a_model_that_waits_for_a_later_one_finds_it():
    class First(BaseModel):
        second: "Second"

    class Second(BaseModel):
        name: str

    model = unpacked(pickled(First, (), {}))[0]
    assert model(second={"name": "a"}).second.name == "a"


def test_arguments_come_along():
    assert unpacked(pickled(len, (1,), {"a": [2]})) == (len, (1,), {"a": [2]})
