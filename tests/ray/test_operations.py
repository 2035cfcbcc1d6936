"""The command's verbs against a running cluster, from a process of their own, as an operator uses them."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
import ray

import serve_compat as serve
from legacy import controllers
from legacy.constants import CONTROLLER_NAME
from legacy.records import InstanceName
from tests.programs import ROOT
from tests.ray.instance import Instance


def ok(request):
    if request.query_params:
        raise LookupError("out of stock")
    return "ok"


@serve.deployment(version="v1", route_prefix="/model")
class Model:
    def __call__(self, request):
        return "model"


class Shell:
    """Runs verbs on the instance of this test file."""

    def __init__(self, instance: Instance):
        self.instance = instance
        self.name = instance.client._session.name
        self.address = ray.get_runtime_context().gcs_address

    def __call__(self, *arguments: str, status: int = 0, where: tuple[str, ...] | None = None) -> str:
        given = ("--instance", self.name.controller) if where is None else where
        return self.python("-m", "serve_compat", *arguments, "--address", self.address, *given, status=status)

    def python(self, *arguments: str, status: int = 0) -> str:
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout if status == 0 else done.stderr

    def report(self) -> dict:
        return json.loads(self("status", "--json"))


@pytest.fixture
def shell(instance):
    instance.client.create_backend("old", ok)
    instance.client.create_backend("new", ok)
    instance.client.create_endpoint("greet", backend="old", route="/greet")
    return Shell(instance)


def test_traffic_and_shadows_are_changed_and_seen(shell):
    assert shell("traffic", "greet", "old=0.9", "new=10%") == "greet: old 90%, new 10%\n"
    assert shell("shadow", "greet", "new", "0.5") == "greet: shadows new 50%\n"
    endpoint = shell.report()["endpoints"]["greet"]
    assert (endpoint["traffic"], endpoint["shadows"]) == ({"old": 0.9, "new": 0.1}, {"new": 0.5})
    table = shell("status")
    assert f"Instance {shell.name.controller} in namespace {shell.name.namespace}: {shell.instance.url}" in table
    assert "old 90%, new 10%" in table
    assert "1 of 1 proxies up" in table


def test_scaling_and_deleting_are_done_when_the_verb_returns(shell):
    Model.deploy()
    assert shell("scale", "Model", "2") == "Model: 2/2 replicas run\n"
    assert serve.get_deployment("Model").num_replicas == 2
    assert "/model/..." in shell("routes")
    assert shell("delete", "Model") == "deleted deployment Model\n"
    assert sorted(shell.report()["backends"]) == ["new", "old"]
    assert shell.instance.get("/model").status_code == 404


def test_a_replica_shows_the_last_error_of_its_requests(shell):
    assert shell.instance.get("/greet").text == "ok"
    assert shell.report()["backends"]["old"]["replicas"].popitem()[1]["last_error"] is None
    assert shell.instance.get("/greet?x=1").status_code == 500
    assert "LookupError: out of stock" in shell("status")


def test_refusals_say_why(shell):
    assert "sum" in shell("traffic", "greet", "old=0.9", "new=0.9", status=1)
    assert "still uses it" in shell("delete", "old", status=1)
    assert "did you mean 'greet'?" in shell("delete", "gret", status=1)
    assert shell.report()["endpoints"]["greet"]["traffic"] == {"old": 1.0}


def test_an_instance_that_is_not_there_is_exit_status_3(shell):
    assert f"--instance {shell.name.controller}" in shell("status", status=3, where=())
    assert "no serve instance" in shell("status", status=3, where=("--namespace", "elsewhere"))
    assert "no Ray cluster answers" in shell("status", status=3, where=("--address", "127.0.0.1:9"))


DETACHED = """
import sys, ray, serve_compat as serve
ray.init(sys.argv[1], namespace="team", log_to_driver=False)
serve.start(detached=True, http_options={"location": "NoServer"})
"""
ELSEWHERE = """
import sys, ray, serve_compat as serve
ray.init(sys.argv[1], namespace="another team", log_to_driver=False)
serve.shutdown()
print(serve.connect())
"""


def test_a_detached_instance_is_found_by_itself_when_its_driver_is_gone_and_shut_down(shell):
    shell.python("-c", DETACHED, shell.address)
    shown = shell("status", where=())
    assert f"Instance {CONTROLLER_NAME} in namespace team: no HTTP\n\nNothing is registered." in shown
    assert "namespace='team'" in shell.python("-c", ELSEWHERE, shell.address)  # a driver of another Ray namespace
    assert "is shut down" in shell("shutdown", "-y", where=())
    with pytest.raises(serve.exceptions.RayServeException):
        controllers.find(InstanceName(CONTROLLER_NAME, "team"))
