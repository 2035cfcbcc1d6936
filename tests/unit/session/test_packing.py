import functools
import pickle
import threading
from collections import deque

import numpy as np
import pytest
from fastapi import FastAPI

from legacy.large_code import LARGE, LargeCode
from legacy.replica.code_pickle import unpacked
from legacy.session.packing import packed
from serve_compat.asgi.ingress import ingress

LOCK = threading.Lock()


class Model:
    def __init__(self, *args, **kwargs): ...


@pytest.fixture
def put(monkeypatch):
    """What would lie in Ray's object store, as it comes out there."""
    there = []

    def through_ray(pickled):
        beside = []
        stream = pickle.dumps(pickled, protocol=5, buffer_callback=beside.append)
        there.append(pickle.loads(stream, buffers=[memoryview(bytes(buffer.raw())) for buffer in beside]))
        return len(there) - 1

    monkeypatch.setattr("legacy.session.packing.ray.put", through_ray)
    return there


def test_small_code_is_bytes(put):
    target, args, kwargs = unpacked(packed("backend 'a'", Model, (1,), {"b": 2}))
    assert (target, args, kwargs, put) == (Model, (1,), {"b": 2}, [])


@pytest.mark.parametrize(
    "value",
    [
        np.arange(LARGE, dtype=np.float64).reshape(2, -1),
        np.asfortranarray(np.ones((512, 1024))),
        np.ones((2048, 2048))[::2, ::2],
        [np.ones(2 * LARGE, np.uint8), np.zeros(10)],
        b"x" * 2 * LARGE,
        list(range(LARGE)),
    ],
    ids=["array", "by columns", "with gaps", "in a list", "bytes", "list"],
)
def test_large_arguments_arrive_as_they_were_sent(put, value):
    code = packed("backend 'a'", Model, (), {"weights": value})
    assert code == LargeCode(put[0].size, ref=0)
    _, _, kwargs = unpacked(put[0])
    assert all(np.array_equal(one, other) for one, other in zip(kwargs["weights"], value, strict=True))


def test_an_application_and_its_large_arguments_arrive_together(put):
    app = FastAPI()

    @ingress(app)
    class Served:
        @app.get("/")
        def get(self): ...

    weights = np.ones(2 * LARGE, np.uint8)
    packed("deployment 'm'", Served, (weights, app), {})
    _, (arrived, its_app), _ = unpacked(put[0])
    assert arrived.flags.writeable
    assert (arrived.sum(), its_app.routes[-1].path) == (weights.sum(), "/")


def test_what_could_be_written_to_still_can_and_nothing_else(put):
    frozen = np.ones(2 * LARGE, np.uint8)
    frozen.flags.writeable = False
    packed("backend 'a'", Model, (np.ones(2 * LARGE, np.uint8), frozen), {})
    _, args, _ = unpacked(put[0])
    args[0][0] = 7
    assert [each.flags.writeable for each in args] == [True, False]


@pytest.mark.parametrize("value", [np.ones(10_000, np.uint8), b"x" * 10_000], ids=["beside", "within"])
def test_too_much_is_refused_before_anything_is_sent(put, monkeypatch, value):
    monkeypatch.setattr("legacy.session.packing.MOST", 9000)
    with pytest.raises(ValueError, match=r"deployment 'm' has more .* than the 9,000 bytes .*to a file"):
        packed("deployment 'm'", Model, (1, value), {})
    assert put == []


def test_the_largest_argument_is_named(put, monkeypatch):
    monkeypatch.setattr("legacy.session.packing.MOST", 9_000_000)
    with pytest.raises(ValueError, match="argument 2, a ndarray, has 12,000,000 bytes"):
        packed("deployment 'm'", Model, (np.ones(10), np.ones(12_000_000, np.uint8)), {})
    assert put == []


def closes_over():
    connection = threading.Lock()

    def handler(request):
        return connection

    return handler


def uses_a_global():
    def handler(request):
        return [LOCK for _ in range(3)]

    return handler


def has_it_in_a_method():
    pool = {"first": [threading.Lock()]}

    class Inner:
        def __call__(self, request):
            return pool

    return Inner


def has_it_as_an_attribute():
    class Inner:
        lock = threading.Lock()

    return Inner


class Holder:
    def __init__(self):
        self.lock = threading.Lock()


class CannotBeShown:
    def __repr__(self):
        raise ValueError


class Circle(Holder):
    def __init__(self):
        self.around = [self]
        super().__init__()


class Silent:
    def __reduce__(self):
        raise TypeError


@pytest.mark.parametrize(
    ("target", "args", "kwargs", "said"),
    [
        (closes_over(), (), {}, "variable 'connection' of handler"),
        (uses_a_global(), (), {}, "variable 'LOCK' of handler"),
        (has_it_in_a_method(), (), {}, "item 0 of item 'first' of variable 'pool' of Inner.__call__"),
        (has_it_as_an_attribute(), (), {}, "attribute 'lock' of Inner"),
        (Model, (1, LOCK), {}, "argument 2"),
        (Model, (), {"db": Holder()}, "attribute 'lock' of argument 'db'"),
        (Model, ([Holder()],), {}, "attribute 'lock' of item 0 of argument 1"),
        (Model, (functools.partial(len, LOCK),), {}, "argument 1 of argument 1"),
        (Model, (deque([LOCK]),), {}, "item 0 of argument 1"),
        (Model, ({Holder(): 1},), {}, "attribute 'lock' of a key of argument 1"),
        (Model, ({CannotBeShown(): LOCK},), {}, "item <CannotBeShown> of argument 1"),
        (Model, (Circle(),), {}, "attribute 'lock' of argument 1"),
    ],
)
def test_what_cannot_be_pickled_is_named(target, args, kwargs, said):
    with pytest.raises(TypeError) as raised:
        packed("deployment 'm'", target, args, kwargs)
    text = str(raised.value)
    assert text.startswith("deployment 'm' cannot be sent to its replicas: cannot pickle '_thread.lock' object")
    assert f"It is {said}" in text


def test_an_error_without_a_text_is_named_by_its_class():
    with pytest.raises(TypeError, match=r"to its replicas: TypeError\. It is argument 1, of type .*Silent"):
        packed("deployment 'm'", Model, (Silent(),), {})
