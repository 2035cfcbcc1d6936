"""legacy.control.proxy_plan: which nodes run proxies, how many, and when one is ended."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from legacy.cluster import Node
from legacy.control import proxy_plan
from legacy.http_options import HTTPOptions
from legacy.records import ProxyState

NODES = [Node(f"node{number}", "", number == 0, {}) for number in range(5)]


@pytest.mark.parametrize(
    ("options", "chosen"),
    [
        ({"location": "NoServer"}, []),
        ({"location": "HeadOnly"}, ["node0"]),
        ({"location": "EveryNode"}, [node.node_id for node in NODES]),
    ],
)
def test_the_location_says_which_nodes_have_proxies(options, chosen):
    assert proxy_plan.nodes_with_proxy(HTTPOptions(**options), NODES) == chosen


@given(st.lists(st.sampled_from(NODES), min_size=1), st.integers(1, 5), st.integers())
def test_a_fixed_number_of_nodes_stays_the_same_ones_while_others_go(gone, number, seed):
    options = HTTPOptions(location="FixedNumber", fixed_number_replicas=number, fixed_number_selection_seed=seed)
    before = proxy_plan.nodes_with_proxy(options, NODES)
    after = proxy_plan.nodes_with_proxy(options, [node for node in NODES if node not in gone])
    left = {node.node_id for node in NODES if node not in gone}
    assert set(before) & left <= set(after)
    assert len(after) == min(number, len(left))


@pytest.mark.parametrize(
    ("options", "served_s", "due"),
    [
        ({}, None, False),
        ({}, 9.9, False),
        ({}, 10.0, True),
        ({"standby_after_s": None}, 1e6, False),
        ({"standby_after_s": 0}, 0.0, True),
        ({"port": 0}, 1e6, False),  # the second one could not listen where clients look
    ],
)
def test_a_node_gets_its_second_proxy_once_it_has_been_served_for_a_while(options, served_s, due):
    assert proxy_plan.is_due(HTTPOptions(**options), served_s) is due


@given(st.sampled_from([state for state in ProxyState if state is not ProxyState.STARTING]), st.integers(0, 10))
def test_who_has_answered_before_and_does_not_any_more_is_ended(state, misses):
    assert proxy_plan.is_hung(state, misses) is (misses >= proxy_plan.MISSES)


@given(st.integers(0, 1000), st.integers(0, 10))
def test_one_that_starts_is_given_a_minute_and_each_time_twice_as_long(misses, ended):
    most = proxy_plan.STARTING_MISSES
    wanted = misses >= min(most * 2**ended, most * 16)
    assert proxy_plan.is_hung(ProxyState.STARTING, misses, ended) is wanted


@pytest.mark.parametrize(
    ("state", "error", "node_is_served", "text"),
    [
        (ProxyState.STARTING, None, False, "STARTING"),
        (ProxyState.STARTING, None, True, "STANDBY (starting)"),
        (ProxyState.STANDBY, None, True, "STANDBY"),
        (ProxyState.RUNNING, None, True, "RUNNING"),
        (ProxyState.FAILED, OSError("taken"), True, "OSError: taken"),
    ],
)
def test_operators_are_told_what_a_proxy_does(state, error, node_is_served, text):
    assert proxy_plan.shown(state, error, node_is_served) == text
