"""Graphs on a cluster: what the handles in them give, and how one graph replaces another."""

import threading
import urllib.error
import urllib.request

import pytest
import ray

import serve_compat as serve
from serve_compat.dag import InputNode
from serve_compat.drivers import DAGDriver

NAMESPACE = "serve"


@pytest.fixture(scope="module", autouse=True)
def instance(ray_session):
    yield
    serve.shutdown()


@serve.deployment
class Echo:
    def __call__(self, x):
        return x

    async def wait(self, seconds, x):
        import asyncio

        await asyncio.sleep(seconds)
        return x


@serve.deployment
class Both:
    """Calls the way programs of both generations do."""

    def __init__(self, echo, dag=None):
        self.echo = echo
        self.dag = dag

    def as_1_13(self, x):
        return ray.get(self.echo.remote(x))

    async def as_1_13_async(self, x):
        value = await self.echo.remote(x)
        return [value, type(value).__name__]

    async def as_2_x(self, x):
        return await (await self.echo.remote(x))

    async def as_2_x_gathered(self, *several):
        import asyncio

        refs = await asyncio.gather(*[self.echo.remote(each) for each in several])
        return await asyncio.gather(*refs)

    async def passed_on(self, x):
        first = self.echo.remote(x)
        return await (await self.echo.remote(await self.echo.remote(first)))

    async def kind_of_the_first(self, x):
        return type(await self.echo.remote(x)).__name__

    async def through_the_graph(self, *args, **kwargs):
        return await (await self.dag.remote(*args, **kwargs))


VALUES = [5, "text", [1, 2], {"a": (1, None)}, 1.5, b"x"]


@pytest.fixture(scope="module")
def both():
    with InputNode() as request:
        once = Echo.options(name="once").bind().__call__.bind(request)
        pair = Echo.options(name="pair").bind().__call__.bind({"refs": [once, once], "plain": request})
    return serve.run(Both.bind(Echo.bind(), dag=pair), name="both", route_prefix="/both")


@pytest.mark.parametrize("value", VALUES)
def test_a_handle_pleases_both_generations(both, value):
    for method in ("as_1_13", "as_2_x", "passed_on"):
        assert ray.get(getattr(both, method).remote(value)) == value
    assert ray.get(both.as_1_13_async.remote(value)) == [value, type(value).__name__]


def test_results_can_be_gathered_twice(both):
    assert ray.get(both.as_2_x_gathered.remote(*VALUES)) == VALUES


def test_a_plain_value_leaves_the_replica(both):
    assert type(ray.get(both.as_2_x.remote([1]))) is list
    assert ray.get(both.as_1_13.remote(None)) is None


def test_results_bound_in_containers_arrive_as_references(both):
    answer = ray.get(both.through_the_graph.remote("in"))
    assert answer["plain"] == "in"
    assert answer["refs"][0] == answer["refs"][1]  # called once
    assert ray.get(answer["refs"]) == ["in", "in"]


def test_the_variable_of_ray_2_makes_the_first_await_give_a_reference(monkeypatch):
    monkeypatch.setenv("SERVE_DEPLOYMENT_HANDLE_IS_SYNC", "0")
    handle = serve.run(Both.bind(Echo.bind()), name="strict", route_prefix=None)
    assert ray.get(handle.kind_of_the_first.remote(None)) == "ObjectRef"
    assert ray.get([handle.as_2_x.remote(None), handle.as_2_x_gathered.remote(True, None)]) == [None, [True, None]]
    serve.delete("strict")
    assert not [name for name in serve.list_deployments() if name.startswith("strict_")]


def test_the_driver_runs_more_requests_than_the_graph_has_places_for():
    with InputNode() as request:
        dag = Echo.options(max_concurrent_queries=2).bind().wait.bind(0.01, request)
    handle = serve.run(DAGDriver.bind(dag))
    assert ray.get([handle.predict.remote(number) for number in range(40)]) == list(range(40))


def test_an_error_in_a_node_reaches_the_caller():
    @serve.deployment
    def fail(x):
        raise KeyError(f"no {x}")

    with InputNode() as request:
        dag = Echo.bind().__call__.bind(fail.bind(request))
    handle = serve.run(DAGDriver.bind(dag))
    with pytest.raises(KeyError, match="no such"):
        ray.get(handle.predict.remote("such"))
    with pytest.raises(urllib.error.HTTPError) as answer:
        urllib.request.urlopen("http://127.0.0.1:8000/", timeout=30)
    with answer.value as error:
        assert error.code == 500
        assert error.read().startswith(b"KeyError: 'no ")
        assert error.headers["x-request-id"]


def answer_at_the_root():
    try:
        with urllib.request.urlopen("http://127.0.0.1:8000/", timeout=30) as answer:
            return answer.read().decode()
    except urllib.error.HTTPError as answer:
        with answer:
            return answer.code


def test_another_graph_takes_over_the_route_without_a_gap():
    @serve.deployment
    def old(*request):
        return "old"

    @serve.deployment
    def new(*request):
        return "new"

    serve.run(old.bind())
    seen, done = [answer_at_the_root()], threading.Event()

    def look():
        while not done.wait(0.01):
            seen.append(answer_at_the_root())

    looking = threading.Thread(target=look)
    looking.start()
    serve.run(new.bind())
    done.set()
    looking.join()
    seen.append(answer_at_the_root())
    assert (seen[0], seen[-1]) == ("old", "new")
    assert set(seen) == {"old", "new"}
    names = set(serve.list_deployments())
    assert "old" not in names
    assert "new" in names


@serve.deployment
class Model:
    def __init__(self, answer):
        self.answer = answer

    def __call__(self, x):
        return self.answer


@serve.deployment
class Ingress:
    def __init__(self, model):
        self.model = model

    async def __call__(self, request):
        return f"ingress of {await self.model.remote(1)}"


@serve.deployment
class Broken:
    def __init__(self, model):
        raise RuntimeError("no weights")


def test_a_model_runs_alone_then_behind_an_ingress_that_fails_first_then_behind_a_driver_then_alone():
    serve.run(Model.bind("alone"))
    assert answer_at_the_root() == "alone"
    with pytest.raises(RuntimeError, match="no weights"):
        serve.run(Broken.bind(Model.bind("behind")))
    assert answer_at_the_root() == "behind"  # the former root still answers
    serve.run(Ingress.bind(Model.bind("behind")))
    assert answer_at_the_root() == "ingress of behind"
    with InputNode() as request:
        serve.run(DAGDriver.bind(Model.bind("driven").__call__.bind(request)))
    assert answer_at_the_root() == '"driven"'
    serve.run(Model.bind("again"))
    assert answer_at_the_root() == "again"


def test_a_second_application_takes_the_route_and_the_first_keeps_its_deployments():
    serve.run(Model.bind("first"), name="first")
    serve.run(Model.bind("second"), name="second")
    routes = {name: each.route_prefix for name, each in serve.list_deployments().items() if "_Model" in name}
    assert (answer_at_the_root(), routes) == ("second", {"first_Model": None, "second_Model": "/"})
    serve.delete("first")
    serve.delete("second")


def test_calls_of_one_object_are_made_in_their_order_with_and_without_serve():
    @serve.deployment
    class Counter:
        def __init__(self):
            self.count = 0

        def add(self, x):
            self.count += x

        def get(self):
            return self.count

    counter = Counter.bind()
    with InputNode() as request:
        counter.add.bind(2)
        counter.add.bind(request)
        graph = counter.get.bind()
    assert ray.get([graph.execute(3), graph.execute(4)]) == [5, 6]
    handle = serve.run(DAGDriver.bind(graph))
    assert [ray.get(handle.predict.remote(3)) for _ in range(2)] == [5, 10]


def test_handlers_without_parameters_answer_behind_a_driver():
    @serve.deployment
    class Plain:
        def __call__(self):
            return "plain"

    @serve.deployment
    def function():
        return "function"

    handle = serve.run(DAGDriver.bind({"/plain": Plain.bind(), "/function": function.bind()}))
    for name in ("plain", "function"):
        with urllib.request.urlopen(f"http://127.0.0.1:8000/{name}", timeout=30) as answer:
            assert answer.read().decode() == f'"{name}"'
        assert ray.get(handle.predict_with_route.remote(f"/{name}")) == name
