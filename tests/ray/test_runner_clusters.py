"""Unmodified programs on a cluster that runs already: by its address, by RAY_ADDRESS, through Ray's client."""

import pytest
import requests

from tests.ray.cluster import free_port


@pytest.fixture
def program(tmp_path):
    def write(text):
        path = tmp_path / "program.py"
        path.write_text(text)
        return path

    return write


CLIENT_1_2 = """
import sys
import ray, requests
from ray import serve

ray.util.connect(sys.argv[1])
client = serve.start(detached=True, http_options={"port": int(sys.argv[2])})

def hello(request):
    return "hello " + request.query_params["name"]

class Counter:
    def __init__(self, start):
        self.count = start

    def __call__(self, request):
        self.count += 1
        return self.count

client.create_backend("hello:v1", hello)
client.create_backend("counter", Counter, 5, config={"num_replicas": 1})
client.create_endpoint("hello", backend="hello:v1", route="/hello")
client.create_endpoint("counter", backend="counter", route="/counter")
print(requests.get(f"http://127.0.0.1:{sys.argv[2]}/hello?name=http").text)
print(ray.get(client.get_handle("hello").remote(name="handle")))
client.set_traffic("hello", {"hello:v1": 0.5, "counter": 0.5})
print(client.list_endpoints()["hello"]["traffic"], sorted(client.list_backends()))

@ray.remote(num_cpus=0)
def task():
    from ray import serve
    return serve.__name__, ray.get(serve.connect().get_handle("counter").remote())

print(*ray.get(task.remote()))
client.shutdown()
"""

DEPLOYMENT = """
import sys
import ray, requests
from ray import serve

ray.init("ray://" + sys.argv[1], namespace="serve", _redis_password="5241590000000000")
serve.start(detached=True, http_options={"port": int(sys.argv[2])})

@serve.deployment(name="model", num_replicas=1)
class Model:
    def __init__(self, base=1):
        self.base = base

    def __call__(self, request):
        return {"sum": self.base + int(request.query_params["x"])}

    def add(self, x):
        return self.base + x

Model.deploy(40)
print(requests.get(f"http://127.0.0.1:{sys.argv[2]}/model?x=2").json())
print(ray.get(serve.get_deployment("model").get_handle().add.remote(ray.put(4))))
print(list(serve.list_deployments()))
Model.delete()
print(list(serve.list_deployments()))
serve.shutdown()
"""

BUILDER = """
import sys
import ray

@ray.remote(num_cpus=0)
def task():
    from ray import serve
    return serve.__name__

with ray.client(sys.argv[1]).namespace("x").env({"env_vars": {"A": "1"}}).connect():
    print(ray.get(task.remote()))
"""


def test_a_client_program_works_through_rays_client(cluster, program):
    port = str(free_port())
    assert cluster.run(program(CLIENT_1_2), cluster.client, port).splitlines() == [
        "hello http",
        "hello handle",
        "{'hello:v1': 0.5, 'counter': 0.5} ['counter', 'hello:v1']",
        "serve_compat 6",
    ]


def test_a_deployment_program_works_through_rays_client(cluster, program):
    output = cluster.run(program(DEPLOYMENT), cluster.client, str(free_port()))
    assert output.splitlines() == ["{'sum': 42}", "44", "['model']", "[]"]


def test_the_older_way_to_rays_client_aliases_the_workers_too(cluster, program):
    assert cluster.run(program(BUILDER), cluster.client) == "serve_compat\n"


STARTER = """
import sys
import ray
from ray import serve

ray.init(address=sys.argv[1], redis_password="5241590000000000")
client = serve.start(detached=True, http_options={"port": int(sys.argv[2])})
client.create_backend("lives", lambda request: "alive")
client.create_endpoint("lives", backend="lives", route="/lives")
"""

USER = """
import ray
from ray import serve

ray.init()
client = serve.connect()
print(ray.get(client.get_handle("lives").remote()))

@ray.remote(num_cpus=0)
class Asker:
    def ask(self):
        from ray import serve
        return serve.__name__ + " " + ray.get(serve.connect().get_handle("lives").remote())

print(ray.get(Asker.remote().ask.remote()))
client.shutdown()
"""


def test_a_detached_instance_outlives_the_program_that_ends_at_once(cluster, program):
    port = free_port()
    cluster.run(program(STARTER), cluster.address, str(port))
    assert requests.get(f"http://127.0.0.1:{port}/lives", timeout=30).text == "alive"
    # another program finds the cluster in RAY_ADDRESS, and so do the workers that its actors live in
    assert cluster.run(program(USER), RAY_ADDRESS=cluster.address).splitlines() == ["alive", "serve_compat alive"]
    with pytest.raises(requests.ConnectionError):
        requests.get(f"http://127.0.0.1:{port}/lives", timeout=30)


AFTER_ANOTHER = """
import os, sys
del os.environ["RAY_AUTH_MODE"]  # whoever tests has set it; this user has not
import ray
from ray import serve
from ray.serve.dag import InputNode

@serve.deployment
class Adder:
    def __init__(self, by):
        self.by = by

    def add(self, x):
        return x + self.by

def executed():
    with InputNode() as request:
        return ray.get(Adder.bind(1).add.bind(request).execute(2))

ray.init(num_cpus=1, include_dashboard=False)
print(executed())
ray.shutdown()
ray.init(address=sys.argv[1])
print(executed())
"""


def test_a_program_that_had_a_cluster_of_its_own_before_starts_actors_in_one_without_tokens(cluster, program):
    assert cluster.run(program(AFTER_ANOTHER), cluster.address).splitlines()[-2:] == ["3", "3"]
