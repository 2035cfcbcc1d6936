"""Environments on several nodes, whose caches are apart: what a node runs in was sent to it."""

import os
import shutil
import signal
import threading

import pytest
import ray
import requests
from ray.cluster_utils import Cluster

import serve_compat as serve
from legacy.environments.job import Job
from legacy.environments.pack import pack_to
from tests.fault.processes import OURS, titled, wait_until_gone
from tests.ray.cluster import LOSS_IS_SEEN_SOON

URL = "http://127.0.0.1:8000"
FAR = {"resources": {"far": 1}}


class Nodes:
    """A cluster whose nodes have a cache each, below one directory."""

    def __init__(self, directory):
        self.directory = directory
        head = {"num_cpus": 8, "include_dashboard": False, "env_vars": self.variables("head")}
        self.cluster = Cluster(initialize_head=True, head_node_args={**head, "_system_config": LOSS_IS_SEEN_SOON})

    def add(self, name):
        return self.cluster.add_node(num_cpus=8, resources={name: 8}, env_vars=self.variables(name))

    def files(self, name, kind):
        """What a node's cache has: name -> (identity, time)."""
        place = self.directory / name / kind
        found = [path for path in place.iterdir() if not path.name.startswith(".")] if place.is_dir() else []
        return {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in found}

    def variables(self, name):
        return {"SERVE_COMPAT_ENVIRONMENTS_DIR": str(self.directory / name), "PATH": "/usr/bin:/bin"}


@pytest.fixture(scope="module")
def head(own_cluster, tmp_path_factory):
    """A cluster of one node."""
    made = Nodes(tmp_path_factory.mktemp("nodes"))
    ray.init(address=made.cluster.address, log_to_driver=False)
    yield made
    ray.shutdown()
    made.cluster.shutdown()


@pytest.fixture
def nodes(head, monkeypatch):
    """The head alone, with an empty cache."""
    monkeypatch.setenv("SERVE_COMPAT_ENVIRONMENTS_DIR", str(head.directory / "head"))
    yield head
    serve.shutdown()
    wait_until_gone(titled(OURS))
    for node in list(head.cluster.worker_nodes):
        head.cluster.remove_node(node, allow_graceful=False)
    head.cluster.wait_for_nodes()
    for place in head.directory.iterdir():
        shutil.rmtree(place)


@pytest.fixture(scope="module")
def archives(two_prefixes, tmp_path_factory):
    directory = tmp_path_factory.mktemp("archives")
    for name, prefix in two_prefixes.items():
        pack_to(str(prefix), directory / f"{name}.tar.zst", Job(name, 60))
    return {name: str(directory / f"{name}.tar.zst") for name in two_prefixes}


def where(_):
    import sys

    import demo_dep

    return [demo_dep.__version__, sys.prefix]


def options(conda, **more):
    return {"runtime_env": {"conda": conda}, **more}


def answer(name):
    return requests.get(f"{URL}/{name}", timeout=30).json()


def test_packed_environments_are_sent_to_the_nodes_that_lack_them_once(nodes, archives):
    nodes.add("far")
    client = serve.start()
    for name in ("dep1", "dep2"):
        client.create_backend(name, where, config={"num_replicas": 2}, ray_actor_options=options(archives[name], **FAR))
        client.create_endpoint(name, backend=name, route=f"/{name}")
    answers = {name: answer(name) for name in ("dep1", "dep2")}
    assert [version for version, _ in answers.values()] == ["1.0", "2.0"]
    assert all(prefix.startswith(str(nodes.directory / "far" / "prefixes")) for _, prefix in answers.values())
    assert ray.get(client.get_handle("dep1").remote()) == answers["dep1"]
    assert nodes.files("head", "prefixes") == {}  # no replica could run there
    before = nodes.files("far", "archives"), nodes.files("far", "prefixes")
    assert len(before[0]) == len(before[1]) == 2
    client.create_backend("again", where, ray_actor_options=options(archives["dep1"], **FAR))
    assert (nodes.files("far", "archives"), nodes.files("far", "prefixes")) == before


def test_an_environment_by_name_is_used_in_place_at_home_and_sent_elsewhere(nodes, two_prefixes, monkeypatch):
    monkeypatch.setenv("CONDA_ENVS_PATH", str(two_prefixes["dep2"].parent))
    nodes.add("far")
    client = serve.start()
    client.create_backend("b", where, env=serve.CondaEnv("dep2"))
    client.create_backend("far", where, env=serve.CondaEnv("dep2"), ray_actor_options=FAR)
    client.create_endpoint("b", backend="b", route="/b")
    client.set_traffic("b", {"b": 0.5, "far": 0.5})
    found = {answer("b")[1] for _ in range(40)}
    sent = [prefix for prefix in found if prefix.startswith(str(nodes.directory / "far" / "prefixes"))]
    assert len(sent) == 1
    assert found <= {str(two_prefixes["dep2"]), *sent}


def test_a_node_that_joins_later_gets_the_environment_before_a_waiting_replica_starts_there(nodes, archives):
    serve.start()
    late = {"resources": {"late": 1}}
    made = serve.deployment(where, name="late", ray_actor_options=options(archives["dep2"], **late))
    made.deploy(_blocking=False)
    nodes.add("late")
    made.options(version="2").deploy()
    version, prefix = answer("late")
    assert version == "2.0"
    assert prefix.startswith(str(nodes.directory / "late"))


def test_a_replica_without_room_goes_to_a_node_that_joins(nodes, two_prefixes):
    serve.start()
    big = options(str(two_prefixes["dep1"]), num_cpus=5)
    made = serve.deployment(where, name="big", num_replicas=2, ray_actor_options=big)
    thread = threading.Thread(target=made.deploy)
    thread.start()  # the head has room for one
    nodes.cluster.add_node(num_cpus=8, env_vars=nodes.variables("large"))
    thread.join(120)
    assert not thread.is_alive()
    assert len({answer("big")[1] for _ in range(40)}) == 2


def test_an_agent_that_is_killed_while_it_works_comes_back_and_finishes(nodes, archives):
    nodes.add("far")
    client = serve.start()
    failed = []

    def create():
        try:
            client.create_backend("b", where, ray_actor_options=options(archives["dep1"], **FAR))
        except Exception as error:
            failed.append(error)

    thread = threading.Thread(target=create)
    thread.start()
    while not (nodes.directory / "far" / "archives").is_dir() or not os.listdir(nodes.directory / "far" / "archives"):
        assert thread.is_alive()
    for pid in titled("ServeEnvironments"):
        os.kill(pid, signal.SIGKILL)
    thread.join(120)
    assert failed == []
    client.create_endpoint("b", backend="b", route="/b")
    assert answer("b")[0] == "1.0"
    assert len(nodes.files("far", "prefixes")) == 1
