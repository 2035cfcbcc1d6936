"""Programs of Ray 0.7 and 0.8: what began with `serve.init()`, on a real cluster."""

from __future__ import annotations

import threading

import pytest
import ray
import requests

import serve_compat as serve
from legacy.early import api as early
from serve_compat.exceptions import RayServeException
from tests.ray.cluster import free_port

pytest.importorskip("werkzeug")


@pytest.fixture(scope="module")
def url(own_cluster):
    """Two CPUs are enough for any number of backends: those of Ray 0.8 reserve none."""
    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    port = free_port()
    try:
        serve.init(http_port=port)
        yield f"http://127.0.0.1:{port}"
        serve.shutdown()
    finally:
        early.started_anew()  # the tests that follow in this process speak later releases
        ray.shutdown()


def get(url, **more):
    return requests.get(url, timeout=30, **more)


def echo(flask_request, x="nothing"):
    return f"{flask_request.args.get('x')}" if serve.context.web else f"{x}, {serve.context.web}"


def test_an_endpoint_may_come_before_its_backend(url):
    serve.create_endpoint("early", "/early")
    answer = get(url + "/early")
    assert answer.status_code == 503
    assert "has no backend yet" in answer.text
    results = []
    handle = serve.get_handle("early")
    caller = threading.Thread(target=lambda: results.append(ray.get(handle.remote(x=1))))
    caller.start()
    serve.create_backend("early:v1", echo)
    serve.link("early", "early:v1")
    caller.join(30)
    assert results == ["1, False"]
    assert get(url + "/early?x=2").text == "2"


def test_the_tag_may_come_second_and_traffic_be_split_as_in_0_7(url):
    class Version:
        def __init__(self, name):
            self.name = name

        def __call__(self, flask_request):
            return self.name

    serve.create_backend(Version, "split:a", "a", backend_config=serve.BackendConfig(num_replicas=1))
    serve.create_backend(Version, "split:b", "b")
    serve.create_endpoint("split", "/split", ["GET", "POST"])
    serve.split("split", {"split:a": 0.5, "split:b": 0.5})
    assert {get(url + "/split").text for _ in range(40)} == {"a", "b"}
    assert requests.post(url + "/split", timeout=30).status_code == 200
    assert requests.put(url + "/split", timeout=30).status_code == 405


def test_a_tag_that_is_taken_is_replaced(url):
    serve.create_backend("again", lambda: "old")
    serve.create_endpoint("again", backend="again", route="/again")
    assert get(url + "/again").text == "old"
    serve.create_backend("again", lambda: "new", config={"num_replicas": 2})
    assert {get(url + "/again").text for _ in range(10)} == {"new"}
    assert serve.list_backends()["again"]["num_replicas"] == 2


def test_a_replacement_that_fails_leaves_what_was_there(url):
    class Broken:
        def __init__(self):
            raise RuntimeError("weights file is missing")

    serve.create_backend("kept", lambda: "kept")
    serve.create_endpoint("kept", backend="kept", route="/kept")
    with pytest.raises(RayServeException, match="weights file is missing"):
        serve.create_backend("kept", Broken)
    assert get(url + "/kept").text == "kept"


def test_a_parameter_with_a_default_gets_no_request(url):
    def defaulted(flask_request=None, x=1):
        return f"{flask_request} {x} {serve.context.web}"

    serve.create_backend("defaulted", defaulted)
    serve.create_endpoint("defaulted", backend="defaulted", route="/defaulted")
    assert get(url + "/defaulted?x=5").text == "None 1 True"
    assert ray.get(serve.get_handle("defaulted").remote(x=3)) == "None 3 False"


def test_a_handler_without_parameters_is_called_without_any(url):
    serve.create_backend("nothing", lambda: "nothing")
    serve.create_endpoint("nothing", backend="nothing", route="/nothing")
    assert get(url + "/nothing").text == "nothing" == ray.get(serve.get_handle("nothing").remote())


def test_methods_are_chosen_by_header_and_by_options(url):
    class Counter:
        def __call__(self, flask_request):
            return "call"

        def add(self, flask_request, a=0, b=0):
            return int(flask_request.args["a"]) + 1 if serve.context.web else a + b

    serve.create_backend("methods", Counter)
    serve.create_endpoint("methods", backend="methods", route="/methods")
    assert get(url + "/methods?a=1", headers={"X-SERVE-CALL-METHOD": "add"}).json() == 2
    assert ray.get(serve.get_handle("methods").options(method_name="add").remote(a=1, b=ray.put(2))) == 3


def test_the_request_of_a_handle_call_cannot_be_read(url):
    serve.create_backend("unread", lambda flask_request: flask_request.args)
    serve.create_endpoint("unread", backend="unread")
    with pytest.raises(RayServeException, match=r"look at serve.context.web first"):
        ray.get(serve.get_handle("unread").remote())


def test_batches_are_lists_of_requests_or_of_each_keyword(url):
    @serve.accept_batch
    def batched(flask_requests, x=None):
        size = serve.context.batch_size
        assert len(flask_requests) == size
        values = [request.args["x"] for request in flask_requests] if serve.context.web else x
        return [[value, size] for value in values]

    serve.create_backend("batched", batched, config={"max_batch_size": 4, "batch_wait_timeout": 0.5})
    serve.create_endpoint("batched", backend="batched", route="/batched")
    handle = serve.get_handle("batched")
    assert ray.get([handle.remote(x=number) for number in range(4)]) == [[number, 4] for number in range(4)]
    assert get(url + "/batched?x=7").json() == ["7", 1]


def test_a_handler_reads_a_flask_request(url):
    def read(flask_request):
        return {
            "json": flask_request.get_json(),
            "data": flask_request.data.decode(),
            "form": flask_request.form,
            "files": {name: file.read().decode() for name, file in flask_request.files.items()},
            "line": [flask_request.method, flask_request.path, flask_request.headers["X-A"]],
        }

    serve.create_backend("read", read)
    serve.create_endpoint("read", "/read", ["POST"], backend="read")

    def post(**more):
        return requests.post(url + "/read", headers={"X-A": "1"}, timeout=30, **more).json()

    nothing = {"json": None, "data": "", "form": {}, "files": {}, "line": ["POST", "/read", "1"]}
    assert post(json={"x": [1]}) == {**nothing, "json": {"x": [1]}, "data": '{"x": [1]}'}
    assert post(data={"q": "ä"}) == {**nothing, "form": {"q": "ä"}}
    assert post(files={"up": ("n.txt", b"hello")}) == {**nothing, "files": {"up": "hello"}}
    assert post(data=iter([b"in ", b"pieces"])) == {**nothing, "data": "in pieces"}


def test_a_backend_calls_another_one(url):
    class Outer:
        def __init__(self):
            serve.init()
            self.inner = serve.get_handle("inner")

        def __call__(self, flask_request):
            return ray.get(self.inner.remote(x=flask_request.args["x"]))

    serve.create_backend("inner", echo)
    serve.create_endpoint("inner", backend="inner")
    serve.create_backend("outer", Outer)
    serve.create_endpoint("outer", backend="outer", route="/outer")
    assert get(url + "/outer?x=deep").text == "deep, False"


def test_a_task_finds_the_instance_by_init(url):
    @ray.remote(num_cpus=0)
    def ask():
        serve.init()
        return ray.get(serve.get_handle("task").remote(x="asked"))

    serve.create_backend("task", echo)
    serve.create_endpoint("task", backend="task")
    assert ray.get(ask.remote()) == "asked, False"


def test_stat_counts_requests(url):
    serve.create_backend("counted", lambda flask_request: flask_request.args["x"])
    serve.create_endpoint("counted", backend="counted", route="/counted")
    assert [get(url + path).status_code for path in ("/counted?x=1", "/counted?x=2", "/counted")] == [200, 200, 500]
    values = {tuple(each["info"].values()): each["value"] for each in serve.stat()}
    assert values["num_http_requests", "MetricType.COUNTER", "/counted"] == 3
    assert values["backend_request_counter", "MetricType.COUNTER", "counted"] == 3
    assert values["backend_error_counter", "MetricType.COUNTER", "counted"] == 1


def test_the_errors_are_those_of_0_8(url):
    serve.create_backend("errors", echo)
    serve.create_endpoint("errors", backend="errors", route="/errors")
    serve.create_endpoint("errors", backend="errors", route="/errors")
    with pytest.raises(ValueError, match="already exists"):
        serve.create_endpoint("errors", backend="errors", route="/other")
    with pytest.raises(ValueError, match="still uses it"):
        serve.delete_backend("errors")
    with pytest.raises(AssertionError):
        serve.get_handle("nope")
    with pytest.raises(AssertionError):
        serve.update_backend_config("nope", {"num_replicas": 2})
    with pytest.raises(ValueError, match="sum to 1"):
        serve.set_traffic("errors", {"errors": 0.5})
    serve.delete_endpoint("errors")
    serve.delete_backend("errors")
    assert "errors" not in serve.list_backends()


def test_instances_are_told_apart_by_name(url):
    first_port = int(url.rpartition(":")[2])
    serve.create_backend("here", echo)
    serve.init(name="other", http_port=free_port())
    assert serve.list_backends() == {}
    serve.create_backend("there", echo)
    serve.shutdown()
    with pytest.raises(RayServeException):
        serve.list_backends()
    serve.init(http_port=first_port)
    assert "here" in serve.list_backends()
    assert "there" not in serve.list_backends()


def test_a_client_beside_it_speaks_ray_1_2(url):
    client = serve.start()
    client.create_backend("starlette", lambda request: request.query_params["x"])
    client.create_endpoint("starlette", backend="starlette", route="/starlette")
    assert get(url + "/starlette?x=1").text == "1"
    assert ray.get(serve.get_handle("starlette").remote(x="2")) == "2"
    assert isinstance(client.list_backends()["starlette"], serve.BackendConfig)
