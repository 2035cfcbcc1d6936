"""The samples of the old documents on deployments, run as unmodified programs (`from ray import serve`).

What the documents only hint at (a model, a driver that prints) is filled in; nothing of the samples is changed.
They follow each other in one program, but for one that starts Ray in its own way.
"""

import pytest

from tests.programs import run_program

IMPORTS = """
import os
import time
from random import random

import ray
import requests
import starlette.requests
from ray import serve
"""
START = "ray.init(num_cpus=16, num_gpus=2, include_dashboard=False, log_to_driver=False)\nserve.start()\n"
NEXT = """
print("----")
for deployed in serve.list_deployments().values():
    deployed.delete()
"""

FIRST_DEPLOYMENT = """
@serve.deployment
class MyFirstDeployment:
  # Take the message to return as an argument to the constructor.
  def __init__(self, msg):
      self.msg = msg

  def __call__(self, request):
      return self.msg

  def other_method(self, arg):
      return self.msg

MyFirstDeployment.deploy("Hello world!")
print(serve.list_deployments())

MyFirstDeployment.options(name="hello_service").deploy("Hello!")
MyFirstDeployment.options(name="hi_service").deploy("Hi!")
for name in ("MyFirstDeployment", "hello_service", "hi_service"):
    print(requests.get("http://localhost:8000/" + name).text)

# Returns the same object as the original MyFirstDeployment object.
# This can be used to redeploy, get a handle, etc.
deployment = serve.get_deployment("MyFirstDeployment")
print(ray.get(deployment.get_handle().other_method.remote("arg")))

@serve.deployment(name="http_deployment", route_prefix="/api")
class HTTPDeployment:
  def __call__(self, request):
      return "Hello world!"

HTTPDeployment.deploy()
print(requests.get("http://127.0.0.1:8000/api").text)

# To get a handle from the same script, use the Deployment object directly:
handle = HTTPDeployment.get_handle()

# To get a handle from a different script, reference it by name:
handle = serve.get_deployment("http_deployment").get_handle()

print(ray.get(handle.remote()))
"""

UPDATING = """
def replicas():
    return serve.get_deployment("my_deployment").num_replicas

@serve.deployment(name="my_deployment", num_replicas=1)
class SimpleDeployment:
    pass

# Creates one initial replica.
SimpleDeployment.deploy()
print(replicas())

# Re-deploys, creating an additional replica.
# This could be the SAME Python script, modified and re-run.
@serve.deployment(name="my_deployment", num_replicas=2)
class SimpleDeployment:
    pass

SimpleDeployment.deploy()
print(replicas())

# You can also use Deployment.options() to change options without redefining
# the class. This is useful for programmatically updating deployments.
SimpleDeployment.options(num_replicas=2).deploy()
print(replicas())
"""

SCALING = """
# Create with a single replica.
@serve.deployment(num_replicas=1)
def func(*args):
    pass

func.deploy()

# Scale up to 10 replicas.
func.options(num_replicas=10).deploy()
print(serve.get_deployment("func").num_replicas)

# Scale back down to 1 replica.
func.options(num_replicas=1).deploy()
print(serve.get_deployment("func").num_replicas)

@serve.deployment(
    _autoscaling_config={
        "min_replicas": 1,
        "max_replicas": 5,
        "target_num_ongoing_requests_per_replica": 10,
    },
    version="v1")
def func(_):
    time.sleep(1)
    return ""

func.deploy() # The func deployment will now autoscale based on requests demand.

@serve.deployment(
    _autoscaling_config={
        "min_replicas": 1,
        "max_replicas": 5,
        "target_num_ongoing_requests_per_replica": 10,
    })
def func(_):
    time.sleep(1)
    return ""

func.deploy() # The func deployment will now autoscale based on requests demand.
print(requests.get("http://127.0.0.1:8000/func").status_code)
"""

RESOURCES = """
def do_something_with_my_gpu():
    return sorted(ray.get_gpu_ids())

@serve.deployment(ray_actor_options={"num_gpus": 1})
def func(*args):
    return do_something_with_my_gpu()

func.deploy()
print(len(ray.get(func.get_handle().remote())), ray.available_resources()["GPU"])

@serve.deployment(name="deployment1", ray_actor_options={"num_gpus": 0.5})
def func(*args):
    return do_something_with_my_gpu()

func.deploy()

@serve.deployment(name="deployment2", ray_actor_options={"num_gpus": 0.5})
def func(*args):
    return do_something_with_my_gpu()

func.deploy()
same = ray.get(serve.get_deployment("deployment1").get_handle().remote()) == ray.get(func.get_handle().remote())
print(same, ray.available_resources().get("GPU", 0))

@serve.deployment
class MyDeployment:
    def __init__(self, parallelism):
        os.environ["OMP_NUM_THREADS"] = parallelism
        # Download model weights, initialize model, etc.

    def __call__(self, request):
        return os.environ["OMP_NUM_THREADS"]

MyDeployment.deploy("12")
print(requests.get("http://127.0.0.1:8000/MyDeployment").text)

@serve.deployment
class Delayed:
    def __call__(self, request):
        import module_of_the_replicas
        return module_of_the_replicas.model

import pathlib, tempfile
directory = tempfile.mkdtemp()
pathlib.Path(directory, "module_of_the_replicas.py").write_text("model = 'delayed import'")
Delayed.options(ray_actor_options={"runtime_env": {"env_vars": {"PYTHONPATH": directory}}}).deploy()
print(requests.get("http://127.0.0.1:8000/Delayed").text)
"""

# begins with serve.start() alone, which starts Ray by itself
RECONFIGURE = """
import requests
import random

from ray import serve

serve.start()


@serve.deployment(route_prefix="/threshold")
class Threshold:
    def __init__(self):
        # self.model won't be changed by reconfigure.
        self.model = random.Random()  # Imagine this is some heavyweight model.

    def reconfigure(self, config):
        # This will be called when the class is created and when
        # the user_config is updated.
        self.threshold = config["threshold"]

    def __call__(self, request):
        return self.model.random() > self.threshold


Threshold.options(user_config={"threshold": 0.0}).deploy()
print(requests.get("http://127.0.0.1:8000/threshold").text)

Threshold.options(user_config={"threshold": 1.0}).deploy()
print(requests.get("http://127.0.0.1:8000/threshold").text)
"""

TWO_DEPLOYMENTS = """
class Model:
    def __init__(self, path):
        self.path = path

    def predict(self, data):
        return random() + data if data > 0.5 else data


@serve.deployment
class Deployment:
    # Take in a path to load your desired model
    def __init__(self, path: str) -> None:
        self.path = path
        self.model = Model(path)
        # Get the pid on which this deployment is running on
        self.pid = os.getpid()

    # Deployments are callable. Here we simply return a prediction from
    # our request
    def __call__(self, starlette_request) -> str:
        # Request came via an HTTP
        if isinstance(starlette_request, starlette.requests.Request):
            data = starlette_request.query_params['data']
        else:
            # Request came via a ServerHandle API method call.
            data = starlette_request
        pred = self.model.predict(float(data))
        return f"(pid: {self.pid}); path: {self.path}; data: {float(data):.3f}; prediction: {pred:.3f}"


if __name__ == '__main__':
    Deployment.options(name="rep-1", num_replicas=2).deploy("/model/rep-1.pkl")
    Deployment.options(name="rep-2", num_replicas=2).deploy("/model/rep-2.pkl")
    # Get the current list of deployments
    print(serve.list_deployments())
    for _ in range(2):
        for d_name in ["rep-1", "rep-2"]:
            handle = serve.get_deployment(d_name).get_handle()
            print(ray.get(handle.remote(random())).split("; ")[1])
    for _ in range(2):
        for d_name in ["rep-1", "rep-2"]:
            url = f"http://127.0.0.1:8000/{d_name}"
            print(requests.get(url, params={'data': random()}).text.split("; ")[1])
"""

REPRS = "{'rep-1': Deployment(name=rep-1,version=None,route_prefix=/rep-1), "
REPRS += "'rep-2': Deployment(name=rep-2,version=None,route_prefix=/rep-2)}"
FIRST = "{'MyFirstDeployment': Deployment(name=MyFirstDeployment,version=None,route_prefix=/MyFirstDeployment)}"
PATHS = ["path: /model/rep-1.pkl", "path: /model/rep-2.pkl"]


PRINTED = {
    "first deployment": (
        FIRST_DEPLOYMENT,
        [FIRST, "Hello world!", "Hello!", "Hi!", "Hello world!", "Hello world!", "Hello world!"],
    ),
    "updating": (UPDATING, ["1", "2", "2"]),
    "scaling": (SCALING, ["10", "1", "200"]),
    "resources": (RESOURCES, ["1 1.0", "True 0", "12", "delayed import"]),
    "two deployments": (TWO_DEPLOYMENTS, [REPRS, *PATHS * 4]),
}


pytestmark = pytest.mark.timeout(500)  # the first of them waits for all


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    """What each sample printed, by its name."""
    script = tmp_path_factory.mktemp("samples") / "samples.py"
    script.write_text(IMPORTS + START + NEXT.join(program for program, _ in PRINTED.values()))
    parts = run_program(script, timeout_s=480).split("----\n")
    return {name: part.splitlines() for name, part in zip(PRINTED, parts, strict=True)}


@pytest.mark.parametrize("name", PRINTED)
def test_the_sample_runs(printed, name):
    assert printed[name] == PRINTED[name][1]


def test_a_sample_that_starts_ray_by_serve_start_alone_runs(tmp_path):
    (tmp_path / "sample.py").write_text(RECONFIGURE)
    assert run_program(tmp_path / "sample.py").splitlines() == ["true", "false"]
