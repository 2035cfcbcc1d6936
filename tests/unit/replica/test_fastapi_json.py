"""What FastAPI makes JSON of in a replica; the right values are those of Ray 2.3 with its FastAPI."""

import asyncio
import functools
from typing import Any

import numpy as np
import pytest
from pydantic import BaseModel

from legacy.config import BackendConfig
from legacy.generations import DEPLOYMENT
from legacy.replica.fastapi_json import teach
from legacy.replica.invoke import Servable
from serve_compat.asgi.ingress import ingress
from tests.unit.asgi.test_ingress import Served
from tests.unit.replica.test_asgi import Application

encoders = pytest.importorskip("fastapi.encoders")
routing = pytest.importorskip("fastapi.routing")
from fastapi import FastAPI  # noqa: E402
from fastapi.exceptions import ResponseValidationError  # noqa: E402


@pytest.fixture(autouse=True)
def taught(monkeypatch, request):
    # other tests in this process may have taught it
    untaught = encoders.generate_encoders_by_class_tuples(encoders.ENCODERS_BY_TYPE)
    monkeypatch.setattr(encoders, "encoders_by_class_tuples", untaught)
    serialize = routing.serialize_response
    while isinstance(serialize, functools.partial):
        serialize = serialize.args[0]
    monkeypatch.setattr(routing, "serialize_response", serialize)
    teach(todays_json=getattr(request, "param", True))


class Out(BaseModel):
    x: Any


class Number(BaseModel):
    x: float
    n: int
    many: list[float] = []


def answer(result, annotation=None, model=None):
    app = FastAPI()

    def get():
        return result

    if annotation is not None:
        get.__annotations__["return"] = annotation
    app.get("/", response_model=model)(get) if model else app.get("/")(get)
    status, body = Served(ingress(app)(type("E", (), {}))).get("/")
    assert status == 200
    return body.decode()


VALUES = [
    (np.ones((2, 2), np.float32), "[[1.0,1.0],[1.0,1.0]]"),
    (np.arange(3, dtype=np.uint8), "[0,1,2]"),
    (np.array([True, False]), "[true,false]"),
    (np.array(["a"]), '["a"]'),
    (np.array([]), "[]"),
    (np.array(5), "5"),
    (np.float16(0.5), "0.5"),
    (np.int64(3), "3"),
    (np.bool_(True), "true"),
    ({"a": [np.int32(1), (np.float32(2), {"b": np.zeros(1)})]}, '{"a":[1,[2.0,{"b":[0.0]}]]}'),
    ({np.int64(1): 2}, '{"1":2}'),
    ({np.int64(1)}, "[1]"),
    (np.ma.array([1, 2], mask=[0, 1]), "[1,null]"),
    (np.array([(1, 2.0)], dtype=[("a", int), ("b", float)]), "[[1,2.0]]"),
    (np.array([{"a": np.float32(1)}], dtype=object), '[{"a":1.0}]'),  # 500 in Ray 2.3
    (Out(x=np.ones(2)), '{"x":[1.0,1.0]}'),
    ([Out(x=np.float32(1)), {"a": Out(x={"b": np.int64(1)})}], '[{"x":1.0},{"a":{"x":{"b":1}}}]'),
]


@pytest.mark.parametrize(("result", "text"), VALUES, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize("taught", [True, False], indirect=True)
def test_numpy_values_are_json(result, text):
    assert answer(result) == text


@pytest.mark.parametrize(
    ("kind", "result", "text"),
    [
        (dict, {"a": np.float32(1.5), "b": np.ones(2)}, '{"a":1.5,"b":[1.0,1.0]}'),
        (dict[str, Any], {"a": np.bool_(True)}, '{"a":true}'),
        (list[float], [np.float32(1), np.int64(2)], "[1.0,2.0]"),
        (list[float], np.ones(2), "[1.0,1.0]"),  # 500 in Ray 2.3
        (Number, {"x": np.float32(1.5), "n": np.int64(2), "many": [np.float32(1)]}, '{"x":1.5,"n":2,"many":[1.0]}'),
        (Out, Out(x={"a": np.ones(1)}), '{"x":{"a":[1.0]}}'),
        (list[Out], [{"x": np.int64(1)}, Out(x=[np.ones(1)])], '[{"x":1},{"x":[[1.0]]}]'),
    ],
)
@pytest.mark.parametrize("way", ["annotation", "model"])
def test_numpy_values_fit_response_models(kind, result, text, way):
    assert answer(result, **{way: kind}) == text


@pytest.mark.parametrize(
    ("result", "model"), [(np.complex64(1), None), (np.longdouble(1), None), (object, None), (["x"], list[int])]
)
def test_what_is_no_json_still_fails(result, model):
    with pytest.raises((TypeError, ValueError, ResponseValidationError)):
        answer(result, model=model)


def test_exceptions_and_data_frames_are_json_as_in_ray_2():
    assert answer({"e": KeyError("k")}) == '{"e":"\'k\'"}'
    assert answer({"e": ValueError("text")}, dict) == '{"e":"text"}'
    frames = pytest.importorskip("pandas")
    assert answer(frames.DataFrame({"a": [1, 2]})) == '[{"a":1},{"a":2}]'


@pytest.mark.parametrize("taught", [False], indirect=True)
def test_exceptions_are_what_fastapi_makes_of_them_in_ray_1():
    assert answer({"e": KeyError("k")}) == '{"e":{}}'


def test_the_users_own_calls_know_it_too():
    assert encoders.jsonable_encoder({"a": [np.ones(1)]}) == {"a": [[1.0]]}


def test_a_servable_with_an_application_teaches(monkeypatch):
    monkeypatch.setattr(encoders, "encoders_by_class_tuples", {})
    asyncio.run(Servable(Application(), "model", BackendConfig(), DEPLOYMENT).start())
    assert encoders.jsonable_encoder(np.float32(1)) == 1.0
