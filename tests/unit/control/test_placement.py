from legacy.control.placement import demand_of, how_many_fit


def test_demand_uses_rays_names_and_leaves_zeros_out():
    options = {"num_cpus": 1, "num_gpus": 0, "resources": {"tpu": 2}, "runtime_env": {}}
    assert demand_of(options) == {"CPU": 1.0, "tpu": 2.0}


def test_replicas_are_packed_node_by_node():
    nodes = [{"CPU": 2.5, "GPU": 1}, {"CPU": 4}]
    assert how_many_fit({"CPU": 1}, 10, nodes) == 6
    assert how_many_fit({"CPU": 1, "GPU": 0.5}, 10, nodes) == 2
    assert how_many_fit({"magic": 1}, 1, nodes) == 0


def test_a_replica_without_demands_always_fits():
    assert how_many_fit({}, 1000, [{}]) == 1000


def test_fractions_do_not_lose_the_last_replica():
    assert how_many_fit({"GPU": 0.1}, 10, [{"GPU": 1.0}]) == 10
