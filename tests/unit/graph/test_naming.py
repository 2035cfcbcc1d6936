import pytest

from serve_compat.deployments.deployment import deployment
from serve_compat.graph.naming import names


class Model:
    pass


class Model_1:
    pass


def double(x):
    return 2 * x


def named(*nodes, application=""):
    found = names(nodes, application)
    return [found[id(node)] for node in nodes]


def test_the_own_name_is_numbered_from_its_second_use():
    model = deployment(Model)
    assert named(model.bind(), model.bind(), deployment(double).bind(), model.bind()) == [
        "Model",
        "Model_1",
        "double",
        "Model_2",
    ]


def test_a_number_that_is_taken_is_left_out():
    nodes = deployment(Model_1).bind(), deployment(Model).bind(), deployment(Model).bind()
    assert named(*nodes) == ["Model_1", "Model", "Model_2"]


def test_a_given_name_wins_wherever_it_stands():
    nodes = deployment(Model).bind(), deployment(double, name="Model").bind()
    assert named(*nodes) == ["Model_1", "Model"]


def test_the_same_given_name_is_one_deployment_when_all_is_the_same():
    model, function = deployment(Model, name="m"), deployment(double, name="f")
    assert named(model.bind(1), model.bind(1), function.bind(1), function.bind(2)) == ["m", "m", "f", "f"]


@pytest.mark.parametrize("other", [deployment(Model, name="m", num_replicas=2).bind(1), deployment(double, name="m")])
def test_the_same_given_name_for_different_things_is_refused(other):
    other = other if hasattr(other, "_bound_args") else other.bind()
    with pytest.raises(ValueError, match="two different deployments of the graph have the name 'm'"):
        named(deployment(Model, name="m").bind(1), other)


def test_an_application_goes_in_front_of_every_name():
    assert named(deployment(Model).bind(), deployment(double, name="d").bind(), application="app") == [
        "app_Model",
        "app_d",
    ]
