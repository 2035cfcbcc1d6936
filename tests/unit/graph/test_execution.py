import gc
import weakref
from concurrent.futures import Future

import pytest
import ray

from serve_compat.deployments.deployment import deployment
from serve_compat.graph import execution, nodes
from serve_compat.graph.nodes import InputNode


class Counter:
    def __init__(self, start=0, other=None):
        self.count, self.other = start, other

    def add(self, x):
        self.count += x
        return self.count

    def get(self):
        return self.count


def pair(a, b):
    return a, b


class Local:
    """Stands for ray.remote(...): what is called runs here and now."""

    def __init__(self, target, options):
        self._target = target
        self.options = options

    def remote(self, *args, **kwargs):
        made = self._target(*args, **kwargs)
        return Actor(made) if isinstance(self._target, type) else made


class Actor:
    def __init__(self, made):
        self.made = made

    def __getattr__(self, name):
        return Local(getattr(self.made, name), None)


@pytest.fixture(autouse=True)
def asked(monkeypatch):
    asked = []
    monkeypatch.setattr(nodes, "remote", lambda target, options: asked.append(options) or Local(target, options))
    return asked


def test_a_graph_runs_with_what_its_input_stands_for():
    with InputNode() as request:
        node = deployment(pair).bind(request[0], [deployment(pair).bind(request.b, 1)])
    assert node.execute(5, b=6) == (5, [(6, 1)])


def test_a_class_is_an_actor_with_the_options_of_its_deployment(asked):
    inner = deployment(Counter, ray_actor_options={"num_cpus": 0}).bind(7)
    outer = deployment(Counter).bind(1, other=inner).execute()
    assert (outer.made.count, outer.made.other.made.count) == (1, 7)
    assert asked == [{"num_cpus": 0}, None]


def test_calls_of_one_object_are_made_in_the_order_in_which_they_were_bound_each_time_anew():
    counter = deployment(Counter).bind()
    with InputNode() as request:
        counter.add.bind(2)
        counter.add.bind(request)
        first = counter.get.bind()
    counter.add.bind(10)
    second = counter.get.bind()
    assert [first.execute(3), first.execute(3), second.execute(0)] == [5, 5, 12]


def test_a_shared_node_runs_once():
    counter = deployment(Counter).bind()
    added = counter.add.bind(1)
    assert deployment(pair).bind(added, added).execute() == (1, 1)


def test_the_input_itself_runs_too():
    with InputNode() as request:
        assert (request.execute(7), request[0].execute(7, 8)) == (7, 7)


def test_actors_live_until_the_answer_of_their_call_is_there(monkeypatch):
    answer, actor = Future(), Actor(None)
    monkeypatch.setattr(ray, "ObjectRef", type("Ref", (), {"future": lambda self: answer}))
    alive = weakref.ref(actor)
    execution._keep_until_done(ray.ObjectRef(), [actor])
    del actor
    gc.collect()
    assert alive() is not None
    answer.set_result(None)
    assert alive() is None
