from ray.util.placement_group import PlacementGroup
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy, PlacementGroupSchedulingStrategy

from legacy.cluster import Node
from legacy.control.pinning import may_pin, pinned, possible_nodes

SMALL = Node("5a" * 28, "10.0.0.1", True, {"CPU": 2.0})
LARGE = Node("1a" * 28, "10.0.0.2", False, {"CPU": 16.0, "GPU": 1.0})


def names(options):
    return [node.node_id for node in possible_nodes(options, [SMALL, LARGE])]


def test_only_nodes_that_are_large_enough_are_possible():
    assert names({"num_cpus": 1}) == [SMALL.node_id, LARGE.node_id]
    assert names({"num_cpus": 1, "num_gpus": 1}) == [LARGE.node_id]
    assert names({"resources": {"tpu": 1}}) == []


def test_a_node_that_the_options_name_is_the_only_one():
    assert names({"scheduling_strategy": NodeAffinitySchedulingStrategy(LARGE.node_id, soft=False)}) == [LARGE.node_id]
    assert names({"scheduling_strategy": NodeAffinitySchedulingStrategy(LARGE.node_id, soft=True)}) == [
        SMALL.node_id,
        LARGE.node_id,
    ]


def test_a_replica_is_kept_on_nodes_beside_its_own_labels():
    options = {"num_cpus": 1, "scheduling_strategy": "SPREAD", "label_selector": {"zone": "a"}}
    assert pinned(options, ["x", "y"]) == {**options, "label_selector": {"ray.io/node-id": "in(x,y)", "zone": "a"}}
    assert options["label_selector"] == {"zone": "a"}


def test_placement_groups_and_affinities_place_replicas_themselves():
    group = PlacementGroupSchedulingStrategy(PlacementGroup.empty())
    for strategy in (group, NodeAffinitySchedulingStrategy(LARGE.node_id, soft=False)):
        assert not may_pin({"scheduling_strategy": strategy})
        assert pinned({"scheduling_strategy": strategy}, ["x"]) == {"scheduling_strategy": strategy}
