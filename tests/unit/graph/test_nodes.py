import pickle

import pytest
import ray.dag

from serve_compat.deployments.deployment import deployment
from serve_compat.graph.nodes import (
    ClassMethodNode,
    ClassNode,
    FunctionNode,
    InputNode,
    needed_results,
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
    with pytest.raises(AttributeError, match=r"Model has no method 'guess' to bind; it has predict"):
        _ = deployment(Model).bind().guess


def test_a_class_bound_to_nothing_has_the_arguments_of_the_options():
    made = deployment(Model, init_args=(7,))
    assert made.bind()._bound_args == (7,)
    assert made.bind(8)._bound_args == (8,)


def test_nodes_are_found_in_containers_arguments_before_the_class():
    model, first = deployment(Model).bind(), deployment(double).bind()
    node = model.predict.bind([first, {"x": (first,)}])
    assert parts(node) == [first, first, model]
    assert needed_results(node) == [first, first]
    assert needed_results(model) == []


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
