import pytest

from serve_compat.deployments.deployment import deployment
from serve_compat.graph.naming import names
from serve_compat.graph.nodes import ClassNode, FunctionNode, InputNode, parts
from serve_compat.graph.plan import Plan, Read, Result, Step, plan_of
from serve_compat.graph.reading import DAGInputData, read
from serve_compat.graph.tree import ordered


class Model:
    def predict(self, x):
        return x


def double(x):
    return 2 * x


def plan(root):
    deployed = [node for node in ordered(root, parts) if isinstance(node, (ClassNode, FunctionNode))]
    named = names(deployed)
    return plan_of(root, named, lambda node: f"handle to {named[id(node)]}")


def test_every_node_is_one_call_after_those_it_needs():
    with InputNode() as request:
        node = deployment(Model).bind().predict.bind(deployment(double).bind(request))
    assert plan(node) == Plan((Step("double", "__call__", (Read(),), {}), Step("Model", "predict", (Result(0),), {})))


def test_a_shared_node_is_called_once():
    with InputNode() as request:
        shared = deployment(double).bind(request)
        node = deployment(Model).bind().predict.bind([shared, shared])
    assert [step.deployment for step in plan(node).steps] == ["double", "Model"]
    assert plan(node).steps[1].args == ([Result(0), Result(0)],)


def test_a_class_node_among_the_arguments_of_a_call_is_a_handle():
    node = deployment(double).bind(deployment(Model).bind())
    assert plan(node).steps[-1].args == ("handle to Model",)


def test_constructor_arguments_do_not_belong_to_the_plan():
    node = deployment(Model).bind(deployment(double).bind()).predict.bind(1)
    assert [step.method for step in plan(node).steps] == ["predict"]


def test_what_was_bound_before_to_the_same_object_is_called_before():
    model = deployment(Model).bind()
    with InputNode() as request:
        model.predict.bind(7)
        last = model.predict.bind(request)
    assert plan(last) == Plan((Step("Model", "predict", (7,), {}), Step("Model", "predict", (Read(),), {}, after=0)))


def test_a_call_waits_for_an_earlier_one_only_if_nobody_takes_its_result():
    model = deployment(Model).bind()
    first = model.predict.bind(1)
    second = model.predict.bind(2)
    assert [step.after for step in plan(deployment(double).bind([first, second])).steps] == [None, None, None]
    assert [step.after for step in plan(deployment(double).bind(second)).steps] == [None, 0, None]


def test_one_plan_reads_one_input():
    node = deployment(double).bind(InputNode(), InputNode()[0])
    with pytest.raises(ValueError, match="reads 2 different InputNodes"):
        plan(node)


def test_arguments_are_filled_in_for_each_request():
    step = Step("d", "m", (Result(1), [Read()], "x"), {"y": Read((("item", "k"),))})
    assert step.arguments(["r0", "r1"], ({"k": 1},), {}) == (("r1", [{"k": 1}], "x"), {"y": 1})
    assert step.args == (Result(1), [Read()], "x")


@pytest.mark.parametrize(
    ("path", "args", "kwargs", "expected"),
    [
        ((), (5,), {}, 5),
        ((("item", 1),), (1, 2), {}, 2),
        ((("attr", "x"),), (1,), {"x": 3}, 3),
        ((("item", "x"),), (), {"x": 3}, 3),
        ((("item", "x"),), ({"x": 4},), {}, 4),
        ((("item", 0),), ([7, 8],), {}, 7),
        ((("attr", "real"),), (5,), {}, 5),
        ((("item", 1), ("item", "x")), (1, {"x": 6}), {}, 6),
    ],
)
def test_the_input_is_read_as_in_the_originals(path, args, kwargs, expected):
    assert read(path, args, kwargs) == expected


def test_the_whole_of_several_arguments_is_an_object_with_all_of_them():
    whole = read((), (1, 2), {"x": 3})
    assert isinstance(whole, DAGInputData)
    assert (whole[1], whole["x"]) == (2, 3)


@pytest.mark.parametrize("path", [(), (("item", 2),), (("attr", "x"),)])
def test_an_argument_that_is_missing_is_named(path):
    with pytest.raises(TypeError, match=r"^the graph reads (its )?input"):
        read(path, (1, 2) if path else (), {})
