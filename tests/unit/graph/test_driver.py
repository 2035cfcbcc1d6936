import asyncio
import json
import pickle
import sys

import numpy
import pytest
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import JSONResponse

from legacy.errors import RayServeException
from legacy.session import deployments
from serve_compat import http_adapters
from serve_compat.graph.driver import DAGDriver, load_http_adapter
from serve_compat.graph.extra import fastapi
from serve_compat.graph.handles import RayServeDeploymentHandle
from serve_compat.graph.refs import Awaited


class Dag:
    """A handle whose graph is a function."""

    def __init__(self, function):
        self._function = function

    async def remote(self, *args, **kwargs):
        return self._function(*args, **kwargs)


class Pair(BaseModel):
    left: int
    right: int = 1


def same(x):
    return x


def named(x: int, y: int = 2) -> int:
    return 10 * x + y


def unannotated(x):
    return x


class Answer:
    """What an ASGI application sent."""

    def __init__(self, messages):
        self.status = messages[0]["status"]
        self._body = b"".join(message.get("body", b"") for message in messages[1:])

    def json(self):
        return json.loads(self._body)


def ask(driver, path, body=None, method=None, root_path=""):
    """GET, or POST a JSON body."""
    path, _, query = path.partition("?")
    data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    scope = {
        "type": "http",
        "method": method or ("GET" if body is None else "POST"),
        "path": path,
        "root_path": root_path,
        "query_string": query.encode(),
        "headers": [(b"host", b"localhost"), (b"content-type", b"application/json")],
    }
    sent = []

    async def receive():
        return {"type": "http.request", "body": data}

    async def send(message):
        sent.append(message)

    asyncio.run(driver.__serve_asgi__(scope, receive, send))
    return Answer(sent)


def test_a_single_graph_answers_every_path_with_json():
    driver = DAGDriver(Dag(lambda request: request.query_params["a"]))
    for path in ("/", "/x", "/x/y/"):
        assert ask(driver, f"{path}?a=hello").json() == "hello"
        assert ask(driver, f"{path}?a=hello", b"body").json() == "hello"
    assert ask(driver, "/", method="DELETE").status == 405


def test_the_prefix_itself_is_answered_without_a_redirect():
    driver = DAGDriver(Dag(lambda request: 1))
    assert [ask(driver, path, root_path="/x").status for path in ("/x", "/x/", "/x/y")] == [200, 200, 200]


def test_a_graph_gets_a_request_that_can_be_sent_on():
    sent = []
    ask(DAGDriver(Dag(lambda request: sent.append(pickle.dumps(request)))), "/p?a=1", b"body")
    request = pickle.loads(sent[0])
    assert isinstance(request, Request)
    assert (request.query_params["a"], asyncio.run(request.body()), request.url.path) == ("1", b"body", "/p")


@pytest.mark.parametrize("adapter", ["ray.serve.http_adapters.json_request", "serve_compat.http_adapters:json_request"])
def test_an_adapter_may_be_an_import_path(adapter):
    assert ask(DAGDriver(Dag(same), http_adapter=adapter), "/", [1]).json() == [1]


def test_the_parameters_of_an_adapter_are_filled_in_and_checked():
    driver = DAGDriver(dag_handle=Dag(same), http_adapter=named)
    assert ask(driver, "/?x=4").json() == 42
    assert ask(driver, "/").status == 422


def test_an_adapter_may_be_a_pydantic_model():
    driver = DAGDriver(Dag(lambda pair: pair.left - pair.right), http_adapter=Pair)
    assert ask(driver, "/", {"left": 5}).json() == 4
    assert ask(driver, "/", {}).status == 422


@pytest.mark.parametrize(
    ("adapter", "error"),
    [(unannotated, "type annotated"), (5, "callable"), (["not", "a", "function"], "callable")],
)
def test_a_bad_adapter_is_refused(adapter, error):
    with pytest.raises(ValueError, match=error):
        load_http_adapter(adapter)


@pytest.mark.parametrize(
    ("adapter", "error"),
    [(unannotated, ValueError), ("serve_compat.http_adapters.nothing", ImportError)],
)
def test_a_driver_with_a_bad_adapter_is_refused(adapter, error):
    with pytest.raises(error):
        DAGDriver(Dag(same), http_adapter=adapter)


@pytest.mark.parametrize("path", ["module.nope", "json.nope", "nodots", "json.", ""])
def test_an_adapter_that_is_not_there_says_what_to_give(path):
    with pytest.raises(ImportError, match=f"^http_adapter {path!r} cannot be imported: .*; give the function itself"):
        load_http_adapter(path)


def test_several_graphs_have_a_route_each():
    driver = DAGDriver({"/two": Dag(lambda x: 2 * x), "/three": Dag(lambda x: 3 * x)}, http_adapters.json_request)
    assert (ask(driver, "/two", 5).json(), ask(driver, "/three", 5).json()) == (10, 15)
    assert ask(driver, "/four", 5).status == 404
    assert asyncio.run(driver.predict_with_route("/three", 2)) == 6
    with pytest.raises(RayServeException, match="no route '/nope'"):
        asyncio.run(driver.predict_with_route("/nope", 2))
    with pytest.raises(RayServeException, match="use predict_with_route"):
        asyncio.run(driver.predict(2))


def test_predict_passes_all_arguments_to_the_only_graph():
    assert asyncio.run(DAGDriver(Dag(lambda a, b=0: a - b)).predict(5, b=2)) == 3


def test_the_arguments_have_the_names_of_each_release():
    driver = DAGDriver(dag_handle=Dag(same), input_schema=named)
    assert ask(driver, "/?x=4").json() == 42
    with pytest.raises(TypeError, match="needs a graph"):
        DAGDriver()
    with pytest.raises(TypeError, match="http_adapter and input_schema of DAGDriver are the same argument"):
        DAGDriver(Dag(same), http_adapter=named, input_schema=named)
    with pytest.raises(TypeError, match="dags and dag_handle"):
        DAGDriver(Dag(same), dag_handle=Dag(same))


class Handle:
    """A handle of the core: `await (await handle.remote(...))` is the value."""

    def options(self):
        return self

    async def remote(self, *args, **kwargs):
        async def value():
            return args, kwargs

        return value()


@pytest.mark.parametrize("awaited", list(Awaited))
def test_the_driver_awaits_a_deployments_handle_as_it_must_in_every_era(monkeypatch, awaited):
    monkeypatch.setattr(deployments, "handle", lambda name, sync: {("Model", False): Handle()}[name, sync])
    driver = DAGDriver(RayServeDeploymentHandle("Model", awaited))
    assert asyncio.run(driver.predict(1, a=2)) == ((1,), {"a": 2})


def fails(request):
    raise LookupError("out of stock")


def test_what_a_graph_raises_is_raised_before_anything_is_sent():
    sent = []

    async def send(message):
        sent.append(message)

    async def receive():
        return {"type": "http.request", "body": b""}

    scope = {"type": "http", "method": "GET", "path": "/", "root_path": "", "query_string": b"", "headers": []}
    with pytest.raises(LookupError, match="out of stock"):
        asyncio.run(DAGDriver(Dag(fails)).__serve_asgi__(scope, receive, send))
    assert sent == []


def test_an_answer_500_of_the_graph_itself_is_sent_as_it_is():
    answer = ask(DAGDriver(Dag(lambda request: JSONResponse({"mine": 1}, 500))), "/")
    assert (answer.status, answer.json()) == (500, {"mine": 1})


@pytest.mark.parametrize("result", [numpy.arange(3), {"a": numpy.float32(0.5)}, [numpy.int64(1)], None, "text"])
def test_numpy_results_become_json(result):
    answer = ask(DAGDriver(Dag(lambda request: result)), "/").json()
    assert answer == {id(None): None}.get(id(result), answer)
    assert numpy.array_equal(numpy.asarray(answer), numpy.asarray(result))


def test_numpy_values_in_models_become_json():
    class Out(BaseModel):
        x: object

    assert ask(DAGDriver(Dag(lambda request: [Out(x=numpy.ones(1))])), "/").json() == [{"x": [1.0]}]


def test_arrays_are_made_of_json():
    driver = DAGDriver(Dag(lambda a: [a.shape, str(a.dtype), a]), http_adapters.json_to_ndarray)
    answer = ask(driver, "/", {"array": [1, 2, 3, 4], "shape": [2, 2], "dtype": "int"}).json()
    assert answer == [[2, 2], "int64", [[1, 2], [3, 4]]]
    assert ask(driver, "/", {"array": [[[[1.5]]]]}).json() == [[1, 1, 1, 1], "float64", [[[[1.5]]]]]
    for wrong in ({"nothing": 1}, {"array": [[[[[1]]]]]}, {"array": "x"}):
        assert ask(driver, "/", wrong).status == 422


def test_several_arrays_are_made_of_one_json_object():
    driver = DAGDriver(Dag(lambda arrays: sorted(arrays)), http_adapters.json_to_multi_ndarray)
    assert ask(driver, "/", {"b": {"array": [1]}, "a": {"array": [2]}}).json() == ["a", "b"]


def test_without_fastapi_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "fastapi.encoders", None)
    with pytest.raises(ImportError, match=r"pip install 'fastapi>="):
        fastapi()
