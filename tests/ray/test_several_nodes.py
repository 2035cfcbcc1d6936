"""Replicas and proxies on several nodes, with Ray's in-process cluster: every node is a raylet of its own."""

import itertools
import os
import pickle
import select
import socket
import stat
import struct
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import ray
import requests
from ray.cluster_utils import Cluster

import serve_compat as serve
from tests.fault.processes import OURS, titled
from tests.ray.cluster import LOSS_IS_SEEN_SOON
from tests.ray.listening import connect, listening

URL = "http://127.0.0.1:8000"
HEAD = {"num_cpus": 8, "include_dashboard": False, "_system_config": LOSS_IS_SEEN_SOON}


@pytest.fixture(scope="module")
def head(own_cluster):
    nodes = Cluster(initialize_head=True, head_node_args=HEAD)
    ray.init(address=nodes.address, log_to_driver=False)
    yield nodes
    ray.shutdown()
    nodes.shutdown()


@pytest.fixture
def cluster(head):
    """The head alone when the test begins."""
    yield head
    for node in list(head.worker_nodes):
        head.remove_node(node, allow_graceful=False)
    head.wait_for_nodes()


def where(request):
    return ray.get_runtime_context().get_node_id()


async def length(request):
    return len(await request.body())


def test_replicas_on_another_node_are_reached_over_tcp(cluster):
    cluster.add_node(num_cpus=4, resources={"far": 2})
    client = serve.start()
    client.create_backend("far", where, ray_actor_options={"resources": {"far": 1}})
    client.create_endpoint("far", backend="far", route="/far")
    head = ray.get_runtime_context().get_node_id()
    over_http = requests.get(f"{URL}/far", timeout=30).text
    assert over_http == ray.get(client.get_handle("far").remote())
    assert over_http != head
    client.shutdown()


def test_large_bodies_cross_nodes_whole(cluster):
    cluster.add_node(num_cpus=4, resources={"far": 2})
    client = serve.start()
    client.create_backend("len", length, ray_actor_options={"resources": {"far": 1}})
    client.create_endpoint("len", backend="len", route="/len", methods=["POST"])
    assert requests.post(f"{URL}/len", data=b"x" * 20_000_000, timeout=60).json() == 20_000_000
    client.shutdown()


def test_a_node_that_joins_later_gets_replicas_and_those_before_it_stay_reachable(cluster):
    client = serve.start()
    client.create_backend("here", where)
    client.create_endpoint("here", backend="here", route="/here")
    before = requests.get(f"{URL}/here", timeout=30).text
    cluster.add_node(num_cpus=4, resources={"far": 2})
    client.create_backend("far", where, ray_actor_options={"resources": {"far": 1}})
    client.set_traffic("here", {"here": 0.5, "far": 0.5})
    assert {requests.get(f"{URL}/here", timeout=30).text for _ in range(40)} > {before}
    client.shutdown()


def test_replicas_of_a_lost_node_are_started_elsewhere(cluster):
    far = cluster.add_node(num_cpus=4, resources={"place": 1})
    client = serve.start()
    client.create_backend("b", where, ray_actor_options={"resources": {"place": 1}})
    client.create_endpoint("b", backend="b", route="/b")
    lost = requests.get(f"{URL}/b", timeout=30).text
    cluster.add_node(num_cpus=4, resources={"place": 1})
    cluster.remove_node(far, allow_graceful=False)
    while (now := requests.get(f"{URL}/b", timeout=60)).text == lost:  # its process ends soon after its node
        assert now.status_code == 200
    assert now.status_code == 200
    client.shutdown()


def test_shutdown_ends_the_processes_and_ports_of_every_node(cluster):
    cluster.add_node(num_cpus=4, resources={"far": 2})
    client = serve.start()
    client.create_backend("here", where)
    client.create_backend("far", where, ray_actor_options={"resources": {"far": 1}})
    client.create_endpoint("e", backend="here", route="/e")
    client.set_traffic("e", {"here": 0.5, "far": 0.5})
    assert len({requests.get(f"{URL}/e", timeout=30).text for _ in range(40)}) == 2
    ours = {pid: os.pidfd_open(pid) for pid in titled(r"^ray::.*(Controller|Proxy|Replica)")}
    assert len(ours) == 4
    client.shutdown()
    for pid, fd in ours.items():
        assert select.select([fd], [], [], 10)[0], f"process {pid} is still there"
        os.close(fd)
    with pytest.raises(requests.exceptions.ConnectionError):
        requests.get(f"{URL}/e", timeout=5)


def test_a_replicas_tcp_port_refuses_strangers_before_user_code_runs(cluster, tmp_path):
    cluster.add_node(num_cpus=4, resources={"far": 2})
    seen = tmp_path / "seen"
    client = serve.start()

    def handler(request):
        seen.write_text("ran")
        return [os.getpid()]

    client.create_backend("far", handler, ray_actor_options={"resources": {"far": 1}})
    client.create_endpoint("far", backend="far")
    ports = [address[1] for address in listening(handler_pid(client)) if not isinstance(address, str)]
    (port,) = [port for port in ports if answers_http(port)]
    for headers in ({}, {"x-serve-secret": "0" * 32}):
        with pytest.raises(requests.exceptions.RequestException):
            requests.get(f"http://127.0.0.1:{port}/", headers=headers, timeout=5).raise_for_status()
    assert not seen.exists()
    client.shutdown()


@ray.remote(num_cpus=0)
class Plain:
    """An actor that listens on nothing by itself: what its process listens on is Ray's."""

    def pid(self):
        return os.getpid()


class Surface:
    """What listens in the processes of an instance, beyond what Ray listens on in any actor's process."""

    def __init__(self):
        plain = Plain.remote()
        self._rays = Counter(map(host, listening(ray.get(plain.pid.remote()))))
        ray.kill(plain)

    def of(self, kind):
        found = [address for pid in titled(f"^ray::.*{kind}") for address in listening(pid)]
        rays = {name: number * len(titled(f"^ray::.*{kind}")) for name, number in self._rays.items()}
        return sorted((Counter(map(host, found)) - Counter(rays)).elements())


def host(address):
    return os.path.dirname(address) if isinstance(address, str) else address[0]


def test_what_listens_is_the_proxys_address_private_sockets_and_for_other_nodes_a_port_of_each_replica(cluster):
    surface = Surface()
    client = serve.start()
    client.create_backend("here", where)
    (proxy,) = titled("^ray::.*Proxy")
    assert ("127.0.0.1", 8000) in listening(proxy)
    assert surface.of("Proxy") == ["127.0.0.1"]
    assert surface.of("Controller") == []
    (directory,) = surface.of("Replica")
    assert stat.S_IMODE(os.stat(directory).st_mode) == 0o700
    assert {stat.S_IMODE(os.stat(os.path.join(directory, name)).st_mode) for name in os.listdir(directory)} == {0o600}
    cluster.add_node(num_cpus=4)
    until(lambda: surface.of("Replica") != [directory])
    assert surface.of("Replica") == sorted([directory, "127.0.0.1"])
    assert (surface.of("Proxy"), surface.of("Controller")) == (["127.0.0.1"], [])
    client.shutdown()


class Canary:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


def test_nothing_that_is_sent_to_any_port_is_unpickled(cluster, tmp_path):
    cluster.add_node(num_cpus=4, resources={"far": 2})
    client = serve.start()
    client.create_backend("far", length, ray_actor_options={"resources": {"far": 1}})
    client.create_endpoint("far", backend="far", route="/far", methods=["POST"])
    canary = pickle.dumps(Canary(str(tmp_path / "sung")))
    head = b"POST /far HTTP/1.1\r\nhost: h\r\ncontent-type: application/python-pickle\r\ncontent-length: %d\r\n\r\n"
    forms = [canary, *(struct.pack(size, len(canary)) + canary for size in ("<I", ">I", "<Q", ">Q"))]
    forms += [head % len(canary) + canary, b"PUT / HTTP/1.1\r\nx-serve-call: " + canary]
    places = [address for pid in titled(OURS) for address in listening(pid)]
    (directory,) = {host(address) for address in places if isinstance(address, str)}
    ports = [address for address in places if not isinstance(address, str)]
    places = [*ports, *(str(path) for path in Path(directory).iterdir() if path.is_socket())]
    with ThreadPoolExecutor(16) as speakers:
        list(speakers.map(say, *zip(*itertools.product(places, forms), strict=True)))
    answer = requests.post(f"{URL}/far", data=canary, headers={"content-type": "application/python-pickle"}, timeout=30)
    assert answer.json() == len(canary)
    assert not (tmp_path / "sung").exists()
    pickle.loads(canary)
    assert (tmp_path / "sung").exists()
    client.shutdown()


def say(address, data):
    """Send it and read whatever comes back, until the other side closes or has had a second."""
    with connect(address, 1.0) as connection:
        try:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):
                pass
        except OSError:
            return


def until(condition):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)  # of another process: there is no event to wait for


def handler_pid(client):
    status = ray.get(client._session.controller.status.remote())
    (replica,) = status["backends"]["far"]["replicas"].values()
    return replica["pid"]


def answers_http(port):
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.settimeout(2)
        connection.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        try:
            return connection.recv(20).startswith(b"HTTP/1.1")
        except OSError:
            return False
