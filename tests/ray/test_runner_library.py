"""A package on PyPI that still calls the old API: mlflow-ray-serve, mlflow's plugin to deploy models on Ray Serve.

Its release 0.1.0 calls `client.create_backend` of Ray 1.2, 0.2.0 calls `.deploy()` of Ray 1.7. Each goes through the
workflow its README describes, as it is on PyPI. `.ci/libraries` installs both.
"""

import os
import sys
from pathlib import Path

import pytest

from tests.ray.cluster import environment, free_port, running_cluster

LIBRARIES = Path(sys.prefix) / "libraries"

START = """
import sys
import mlflow.pyfunc, ray
from ray import serve

class Doubles(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return model_input * 2

mlflow.pyfunc.save_model(sys.argv[1], python_model=Doubles(), pip_requirements=[])
ray.init(address="auto", namespace="serve")
serve.start(detached=True, http_options={"port": int(sys.argv[2])})
"""

CLIENT_1_2 = """
import sys
import pandas
from mlflow.deployments import get_deploy_client

plugin = get_deploy_client("ray-serve")
print(plugin.create_deployment("model", sys.argv[1], config={"num_replicas": 1})["flavor"])
print(plugin.predict("model", pandas.DataFrame({"x": [1, 2]}))["x"].tolist())
plugin.update_deployment("model", config={"num_replicas": 2})
print(plugin.get_deployment("model")["config"].num_replicas, [one["name"] for one in plugin.list_deployments()])
plugin.delete_deployment("model")
print(plugin.list_deployments())
"""

DEPLOYMENTS = """
import json, sys
import pandas, requests
from mlflow.deployments import get_deploy_client

plugin = get_deploy_client("ray-serve")
print(plugin.create_deployment("model", sys.argv[1], config={"num_replicas": 1})["flavor"])
frame = pandas.DataFrame({"x": [1, 2]})
print(plugin.predict("model", frame)["x"].tolist())
plugin.update_deployment("model", config={"num_replicas": 2})
print(plugin.get_deployment("model")["info"].num_replicas, [one["name"] for one in plugin.list_deployments()])
answer = requests.post(f"http://127.0.0.1:{sys.argv[2]}/model", data=json.dumps(frame.to_json()))
print(answer.status_code, answer.json())
plugin.delete_deployment("model")
print(plugin.list_deployments())
"""


def path_with(version):
    library = LIBRARIES / f"mlflow-ray-serve-{version}"
    assert library.is_dir(), f"{library} is missing; install it with: .ci/libraries {sys.executable}"
    return os.pathsep.join([str(library), environment()["PYTHONPATH"]])


@pytest.fixture(scope="module")
def cluster():
    with running_cluster(PYTHONPATH=path_with("0.1.0")) as made:  # 0.2.0 sends its class along, 0.1.0 its name only
        yield made


@pytest.fixture(scope="module")
def ready(cluster, tmp_path_factory):
    """The model and the port of a detached instance: what the plugin's README asks for first."""
    directory = tmp_path_factory.mktemp("model")
    arguments = str(directory / "model"), str(free_port())
    (directory / "start.py").write_text(START)
    cluster.run(directory / "start.py", *arguments, RAY_ADDRESS=cluster.address)
    return arguments


def workflow(cluster, text, arguments, tmp_path, version):
    (tmp_path / "workflow.py").write_text(text)
    program = tmp_path / "workflow.py"
    return cluster.run(program, *arguments, RAY_ADDRESS=cluster.address, PYTHONPATH=path_with(version))


def test_the_release_that_calls_the_client_api_works(cluster, ready, tmp_path):
    assert workflow(cluster, CLIENT_1_2, ready, tmp_path, "0.1.0").splitlines() == [
        "python_function",
        "[2, 4]",
        "2 ['model']",
        "[]",
    ]


def test_the_release_that_calls_deployments_works(cluster, ready, tmp_path):
    assert workflow(cluster, DEPLOYMENTS, ready, tmp_path, "0.2.0").splitlines() == [
        "python_function",
        "[2, 4]",
        "2 ['model']",
        "200 [{'x': 2}, {'x': 4}]",
        "[]",
    ]
