import threading

import pytest

from legacy.config import BackendConfig
from legacy.generations import DEPLOYMENT
from legacy.records import BackendSpec, DeploymentInfo, Endpoint
from legacy.session import deployments
from serve_compat.deployments.deployment import deployment
from serve_compat.graph import run as module
from serve_compat.graph.run import delete, handover, members, run


class Model:
    def __init__(self, *args):
        pass


def double(x):
    return 2 * x


def info(name, application, route=None):
    spec = BackendSpec(name, b"", True, BackendConfig(), {}, DEPLOYMENT)
    endpoint = Endpoint(name, route, (), {name: 1.0}, generation=DEPLOYMENT, application=application)
    return DeploymentInfo(spec, endpoint, 1)


class Core:
    """Stands for what runs; remembers what it was told, in order."""

    def __init__(self):
        self.running = {}
        self.told = []
        self.broken = ""

    def deploy(self, wanted, blocking):
        if wanted.name == self.broken:
            raise RuntimeError(f"{wanted.name} is UNHEALTHY")
        self.told.append(("deploy", wanted.name, wanted.route))
        self.running[wanted.name] = info(wanted.name, wanted.application, wanted.route)

    def delete(self, name):
        self.told.append(("delete", name))
        self.running.pop(name, None)


@pytest.fixture
def core(monkeypatch):
    core = Core()
    monkeypatch.setattr(deployments, "deploy", core.deploy)
    monkeypatch.setattr(deployments, "delete", core.delete)
    monkeypatch.setattr(deployments, "list_all", lambda: dict(core.running))
    monkeypatch.setattr(deployments, "handle", lambda name, sync: f"handle to {name}")
    monkeypatch.setattr(deployments, "move_route", lambda route, old, new: core.told.append(("move", route, old, new)))
    monkeypatch.setattr(module, "_ensure_instance", lambda host, port: None)
    return core


def test_the_ingress_comes_last_and_its_handle_is_returned(core):
    graph = deployment(Model).bind(deployment(double).bind(), deployment(double).bind())
    assert run(graph) == "handle to Model"
    assert sorted(core.told[:2]) == [("deploy", "double", None), ("deploy", "double_1", None)]
    assert core.told[2:] == [("deploy", "Model", "/")]


def test_a_run_without_a_name_removes_what_the_one_before_left(core):
    core.running = {"kept": info("kept", None, "/kept"), "other": info("other", "app", "/other")}
    run(deployment(Model).bind(deployment(double).bind()))
    run(deployment(Model).bind())
    assert core.told[-1] == ("delete", "double")
    assert set(core.running) == {"kept", "other", "Model"}


def test_another_ingress_takes_over_the_route_when_it_can_answer(core):
    run(deployment(Model).bind())
    core.told.clear()
    run(deployment(double).bind())
    assert core.told == [("deploy", "double", None), ("move", "/", "Model", "double"), ("delete", "Model")]


def test_what_a_failed_run_has_made_is_removed_and_the_rest_stays(core):
    run(deployment(Model).bind())
    core.broken = "Model"
    with pytest.raises(RuntimeError, match="Model is UNHEALTHY"):
        run(deployment(Model).bind(deployment(double).bind()))
    assert set(core.running) == {"Model"}


def test_named_runs_live_side_by_side_until_they_are_deleted(core):
    run(deployment(Model).bind(), name="a", route_prefix="/a")
    run(deployment(Model).bind(), name="b", route_prefix=None)
    assert [(name, each.endpoint.route) for name, each in core.running.items()] == [
        ("a_Model", "/a"),
        ("b_Model", None),
    ]
    delete("a")
    delete("unknown")
    assert set(core.running) == {"b_Model"}


def test_deployments_start_at_the_same_time(core, monkeypatch):
    together = threading.Barrier(2, timeout=10)
    tell = core.deploy

    def deploy(wanted, blocking):
        if wanted.name != "Model":
            together.wait()
        tell(wanted, blocking)

    monkeypatch.setattr(deployments, "deploy", deploy)
    run(deployment(Model).bind(deployment(double).bind(), deployment(double).bind()))
    assert len(core.running) == 3


def test_members_are_found_by_the_record_not_by_their_names():
    running = {"a_b": info("a_b", None), "a_x": info("a_x", "a"), "x": info("x", "")}
    running["gone"] = DeploymentInfo(running["x"].spec, None, 1)
    assert (members(running, "a"), members(running, "")) == (["a_x"], ["x"])


def test_only_a_route_that_is_wanted_again_is_handed_over():
    running = {"old": info("old", "", "/"), "inner": info("inner", "")}
    new = deployment(Model, route_prefix="/")
    assert handover(running, [new], "").route_of == "old"
    assert handover(running, [new.options(route_prefix="/x")], "") == module.Handover(None, ("old", "inner"))
