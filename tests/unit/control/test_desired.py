from fractions import Fraction

import pytest

from legacy.control.desired import Desired
from legacy.control.reroutes import RerouteLog
from legacy.generations import V1_2
from legacy.records import Endpoint
from tests.fakes_control import spec


@pytest.fixture
def desired():
    state = Desired()
    state.restore(state.create_backend("c1", spec("a"), "code"))
    state.restore(state.create_backend("c2", spec("b"), "code"))
    state.restore(state.create_endpoint("c3", endpoint("e", "a", "/e")))
    return state


def endpoint(name, backend, route, methods=("GET",)):
    return Endpoint(name, route, methods, {backend: 1.0}, generation=V1_2)


def test_a_taken_tag_is_refused_with_a_remedy(desired):
    with pytest.raises(ValueError, match=r"'a': it is already registered; delete_backend"):
        desired.create_backend("c9", spec("a"), "code")


def test_the_same_command_again_finds_its_own_work(desired):
    assert desired.create_backend("c1", spec("a"), "code") is desired.backends["a"]
    assert desired.create_endpoint("c3", endpoint("e", "a", "/e")) is desired.endpoints["e"]


def test_an_update_merges_and_changes_the_stamp_only_when_replicas_must_hear(desired):
    before = desired.backends["a"]
    scaled = desired.update_backend("c5", "a", {"num_replicas": 3})
    desired.restore(scaled)
    assert (scaled.config.num_replicas, scaled.stamp) == (3, before.stamp)
    told = desired.update_backend("c6", "a", {"user_config": {"x": 1}})
    assert (told.config.num_replicas, told.stamp) == (3, "c6")


def test_a_bad_update_changes_nothing(desired):
    before = desired.backends["a"]
    for changes in ({"num_replicas": 0}, {"colour": 1}, {"max_batch_size": 4}):
        with pytest.raises(ValueError, match=r"num_replicas|colour|accept_batch"):
            desired.update_backend("c5", "a", changes)
    assert desired.backends["a"] is before


def test_a_config_with_values_that_do_not_compare_counts_as_changed(desired):
    class Odd:
        def __eq__(self, other):
            raise ValueError("ambiguous")

        __hash__ = None

    assert desired.update_backend("c5", "a", {"user_config": Odd()}).stamp == "c5"


def test_a_backend_in_use_cannot_be_deleted(desired):
    desired.restore(desired.set_traffic("e", {"a": 0.0, "b": 1.0}))
    with pytest.raises(ValueError, match=r"endpoint 'e' still uses it"):
        desired.delete_backend("a")
    desired.restore(desired.set_traffic("e", {"b": 1.0}))
    assert desired.delete_backend("a").tag == "a"


def test_a_shadowed_backend_cannot_be_deleted_until_the_shadow_is_removed(desired):
    desired.restore(desired.shadow_traffic("e", "b", 0.5))
    with pytest.raises(ValueError, match="still uses it"):
        desired.delete_backend("b")
    desired.restore(desired.shadow_traffic("e", "b", 0))
    assert desired.delete_backend("b") is not None


def test_a_shadow_of_0_for_a_backend_that_is_none_leaves_nothing(desired):
    desired.restore(desired.shadow_traffic("e", "b", 0))
    assert desired.endpoints["e"].endpoint.shadows == {}
    assert desired.delete_backend("b") is not None


def test_deleting_the_unknown_is_a_no_op(desired):
    assert desired.delete_backend("nobody") is None
    assert desired.delete_endpoint("nobody") is None


def test_an_endpoint_needs_a_known_backend(desired):
    with pytest.raises(ValueError, match=r"'zz' is not registered; known backends: 'a', 'b'"):
        desired.create_endpoint("c9", endpoint("f", "zz", "/f"))
    assert "f" not in desired.endpoints


@pytest.mark.parametrize("again", [("e", "/e", "set_traffic"), ("e", "/x", "already exists"), ("f", "/e", "/e")])
def test_a_taken_name_or_route_is_refused(desired, again):
    name, route, text = again
    with pytest.raises(ValueError, match=text):
        desired.create_endpoint("c9", endpoint(name, "a", route))
    assert list(desired.endpoints) == ["e"]


def test_a_deleted_endpoint_frees_its_route(desired):
    desired.delete_endpoint("e")
    desired.restore(desired.create_endpoint("c9", endpoint("f", "a", "/e")))
    assert desired.routes.match("/e", "GET").endpoint.name == "f"


@pytest.mark.parametrize("proportion", [1, 0.5, True, Fraction(1, 2)])
def test_a_shadow_is_listed_as_it_was_given_unless_that_is_no_number_of_pythons(desired, proportion):
    (listed,) = desired.shadow_traffic("e", "b", proportion).endpoint.shadows.values()
    wanted = float(proportion) if isinstance(proportion, Fraction) else proportion
    assert (listed, type(listed)) == (wanted, type(wanted))


def test_set_traffic_drops_shadows(desired):
    desired.restore(desired.shadow_traffic("e", "b", 0.5))
    assert desired.set_traffic("e", {"a": 1}).endpoint.shadows == {}


@pytest.mark.parametrize("weights", [{"a": 0.9}, {}, {"a": -1, "b": 2}, {"zz": 1.0}])
def test_bad_traffic_changes_nothing(desired, weights):
    with pytest.raises(ValueError, match=r"\S"):
        desired.set_traffic("e", weights)
    assert desired.endpoints["e"].endpoint.traffic == {"a": 1.0}


def test_shadow_arguments_are_checked_before_names(desired):
    with pytest.raises(TypeError):
        desired.shadow_traffic("nobody", "b", 2)
    with pytest.raises(ValueError, match="nobody"):
        desired.shadow_traffic("nobody", "b", 0.5)
    with pytest.raises(ValueError, match="zz"):
        desired.shadow_traffic("e", "zz", 0.5)


def test_a_command_only_decides_and_changes_nothing_until_its_record_is_stored(desired):
    before = (dict(desired.backends), dict(desired.endpoints))
    desired.create_backend("c9", spec("c"), "code")
    desired.update_backend("c9", "a", {"num_replicas": 3})
    desired.delete_backend("b")
    desired.create_endpoint("c9", endpoint("f", "a", "/f"))
    desired.set_traffic("e", {"b": 1.0})
    desired.shadow_traffic("e", "b", 0.5)
    assert (desired.backends, desired.endpoints) == before
    assert desired.routes.match("/f", "GET").kind == "not_found"


def test_routes_change_hands_together_or_not_at_all(desired):
    desired.restore(desired.create_endpoint("c4", endpoint("f", "a", "/f")))
    desired.restore(desired.create_endpoint("c5", endpoint("g", "a", "/g")))
    with pytest.raises(ValueError, match="'/g' is already registered: endpoint 'g' has it"):
        desired.set_routes("c", {"e": None, "f": "/g"})
    with pytest.raises(ValueError, match="endpoint 'unknown' is not registered"):
        desired.set_routes("c", {"unknown": "/e"})
    reroute = desired.set_routes("c", {"e": None, "f": "/e"})
    assert (reroute.number, reroute.command, reroute.routes) == (1, "c", {"e": ("c3", None), "f": ("c4", "/e")})
    for name in reroute.routes:
        desired.restore(RerouteLog().after(reroute).followed(desired.endpoints[name]))
    assert desired.routes.listing() == {"/e": ["f", ["GET"]], "/g": ["g", ["GET"]], "e": ["e", ["GET"]]}
