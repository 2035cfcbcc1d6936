import pytest

from legacy.generations import DEPLOYMENT, V2_3
from legacy.records import Endpoint
from serve_compat.graph.handover import Handover, handover, members


def endpoint(name, route=None, application="", generation=DEPLOYMENT):
    return Endpoint(name, route, (), {name: 1.0}, generation=generation, application=application)


def running(*endpoints):
    return {each.name: each for each in endpoints}


def over(before, wanted, root, application=""):
    found = endpoint(root, wanted[root], application) if root else None
    return handover(before, wanted, found, application)


def test_nothing_is_handed_over_the_first_time():
    wanted = {"Model": None, "Ingress": "/"}
    assert over({}, wanted, "Ingress") == Handover(wanted)


def test_a_former_root_answers_as_an_inner_deployment_until_the_new_one_can():
    before = running(endpoint("Model", "/"))
    assert over(before, {"Model": None, "Ingress": "/"}, "Ingress") == Handover(
        {"Model": "/", "Ingress": None}, {"Model": None, "Ingress": "/"}
    )


@pytest.mark.parametrize("application", ["", None])  # of an earlier run, or deployed by itself
def test_a_former_root_gives_up_any_route(application):
    before = running(endpoint("Model", "/own", application))
    found = over(before, {"Model": None, "Ingress": "/"}, "Ingress")
    assert (found.meanwhile, found.then) == ({"Model": "/own", "Ingress": "/"}, {"Model": None})


def test_a_former_root_that_goes_hands_over_its_route_before():
    before = running(endpoint("Old", "/"), endpoint("inner"))
    found = over(before, {"New": "/"}, "New")
    assert found == Handover({"New": None}, {"Old": None, "New": "/"}, ("Old", "inner"))
    elsewhere = over(before, {"New": "/x"}, "New")
    assert elsewhere == Handover({"New": "/x"}, {}, ("Old", "inner"))


def test_root_and_inner_deployment_change_places():
    before = running(endpoint("A", "/"), endpoint("B"))
    found = over(before, {"A": None, "B": "/"}, "B")
    assert (found.meanwhile, found.then) == ({"A": "/", "B": None}, {"A": None, "B": "/"})


def test_the_same_root_stays_where_it_is_or_moves():
    before = running(endpoint("A", "/"))
    assert over(before, {"A": "/"}, "A") == Handover({"A": "/"})
    assert over(before, {"A": "/x"}, "A") == Handover({"A": "/x"})


def test_a_new_root_with_a_route_of_its_own_keeps_it_until_it_gets_the_other():
    before = running(endpoint("A", "/"), endpoint("B", "/B", None))
    found = over(before, {"A": None, "B": "/"}, "B")
    assert (found.meanwhile, found.then) == ({"A": "/", "B": "/B"}, {"A": None, "B": "/"})


def test_an_application_without_http_takes_the_routes_away():
    before = running(endpoint("A", "/"))
    assert over(before, {"A": None, "B": None}, "B") == Handover({"A": "/", "B": None}, {"A": None})


def test_a_route_of_somebody_else_is_refused_before_anything_is_deployed():
    before = running(endpoint("mine", "/", None))
    with pytest.raises(ValueError, match="'/' is already registered: endpoint 'mine' has it"):
        over(before, {"A": "/"}, "A")


def test_a_second_application_gets_the_route_when_it_can_answer_and_the_first_one_stays():
    before = running(endpoint("a_A", "/", "a"))
    assert over(before, {"b_A": "/"}, "b_A", "b") == Handover({"b_A": None}, {"a_A": None, "b_A": "/"})
    own = running(endpoint("mine", "/", None))
    root = endpoint("A", "/", generation=V2_3)
    assert handover(own, {"A": "/"}, root, "") == Handover({"A": None}, {"mine": None, "A": "/"})


def test_members_are_found_by_the_record_not_by_their_names():
    before = running(endpoint("a_b", None, None), endpoint("a_x", None, "a"), endpoint("x"))
    assert (members(before, "a"), members(before, "")) == (["a_x"], ["x"])
