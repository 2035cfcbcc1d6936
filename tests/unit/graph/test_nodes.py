import pickle

import pytest
import ray.dag

from serve_compat.deployments.deployment import deployment
from serve_compat.graph.nodes import (
    ClassMethodNode,
    ClassNode,
    FunctionNode,
    InputNode,
    needed_calls,
    parts,
)


class Model:
    def __init__(self, weight=1):
        self.weight = weight

    def predict(self, x):
        return x

    def __call__(self, x):
        return x


def double(x):
    return 2 * x


def test_bind_makes_a_node_of_the_kind_of_its_target():
    node = deployment(Model).bind(1)
    assert isinstance(node, ClassNode)
    assert isinstance(deployment(double).bind(), FunctionNode)
    assert isinstance(node.predict.bind(1), ClassMethodNode)
    assert isinstance(node.__call__.bind(1), ClassMethodNode)


def test_a_method_that_the_class_has_not_raises_at_once():
    with pytest.raises(
        AttributeError, match=r"'Model' has no attribute 'guess' that is a method to bind; it has .*pred"
    ):
        _ = deployment(Model).bind().guess


@pytest.mark.parametrize("name", ["bind", "remote"])
def test_what_is_bound_is_neither_bound_again_nor_called(name):
    again = r"\.bind\(\) cannot be used again on" if name == "bind" else r"\.remote\(\) cannot be used on"
    model = deployment(Model).bind()
    for node in (deployment(double).bind(1), model.predict.bind(1)):
        with pytest.raises(AttributeError, match=again):
            getattr(node, name)()
    with pytest.raises(AttributeError, match=again if name == "bind" else "'Model' has no attribute 'remote'"):
        getattr(model, name)()
    with pytest.raises(AttributeError, match=r"\.remote\(\) cannot be used on ClassMethodNodes"):
        model.predict.remote()


def test_a_method_that_the_users_class_calls_bind_is_bound_like_any_other():
    class Socket:
        def bind(self, port):
            return port

    assert isinstance(deployment(Socket).bind().bind.bind(1), ClassMethodNode)


def test_a_class_bound_to_nothing_has_the_arguments_of_the_options():
    made = deployment(Model, init_args=(7,))
    assert made.bind()._bound_args == (7,)
    assert made.bind(8)._bound_args == (8,)


def test_nodes_are_found_in_containers_arguments_before_the_class():
    model, first = deployment(Model).bind(), deployment(double).bind()
    node = model.predict.bind([first, {"x": (first,)}])
    assert parts(node) == [first, first, model]
    assert needed_calls(node) == [first, first]
    assert needed_calls(model) == []


def test_a_call_comes_after_those_that_were_bound_before_it_to_the_same_object():
    model = deployment(Model).bind()
    first, second = model.predict.bind(1), model.predict.bind(2)
    assert (needed_calls(first), needed_calls(second)) == ([], [first])
    assert parts(second) == [model, first]


def test_the_input_remembers_how_it_is_read():
    with InputNode() as request:
        part = request.rows[0]["x"]
    assert part._path == (("attr", "rows"), ("item", 0), ("item", "x"))
    assert part._input is request
    assert repr(part) == "InputNode().rows[0]['x']"


def test_the_input_is_not_iterable_and_has_no_private_parts():
    with InputNode(input_type=int) as request:
        pass
    with pytest.raises(TypeError):
        iter(request)
    with pytest.raises(AttributeError):
        _ = request._repr_html_


def test_nodes_where_they_cannot_be_found_are_refused_when_they_are_sent():
    node = deployment(Model).bind()
    for lost in (node, InputNode()["x"], node.predict.bind(), {"in": [node]}):
        with pytest.raises(TypeError, match="is a node of a deployment graph"):
            pickle.dumps(lost)
    with pytest.raises(TypeError, match=r"predict is used as an argument without .bind"):
        pickle.dumps(node.predict)


def test_the_input_node_of_ray_itself_is_taken_for_ours():
    with ray.dag.InputNode() as request:
        node = deployment(double).bind(request, [request[0]], x=request.name)
    whole, (part,), named = node._bound_args[0], node._bound_args[1], node._bound_kwargs["x"]
    assert (whole._path, part._path, named._path) == ((), (("item", 0),), (("attr", "name"),))
    assert whole is part._input is named._input
