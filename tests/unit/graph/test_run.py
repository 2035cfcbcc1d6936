import threading
from dataclasses import replace

import pytest

from legacy.generations import DEPLOYMENT, V1_4
from legacy.records import Endpoint
from legacy.session import deployments
from serve_compat.deployments.deployment import deployment
from serve_compat.graph import run as module
from serve_compat.graph.run import delete, run


class Model:
    def __init__(self, *args):
        pass


class Outer(Model):
    pass


def double(x):
    return 2 * x


def endpoint(name, application, route=None):
    return Endpoint(name, route, (), {name: 1.0}, generation=DEPLOYMENT, application=application)


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
        self.running[wanted.name] = endpoint(wanted.name, wanted.application, wanted.route)

    def delete(self, name):
        self.told.append(("delete", name))
        self.running.pop(name, None)

    def set_routes(self, routes):
        self.told.append(("routes", dict(routes)))
        for name, route in routes.items():
            self.running[name] = replace(self.running[name], route=route)

    def routes(self):
        return {name: each.route for name, each in self.running.items()}


@pytest.fixture
def core(monkeypatch):
    core = Core()
    monkeypatch.setattr(deployments, "deploy", core.deploy)
    monkeypatch.setattr(deployments, "delete", core.delete)
    monkeypatch.setattr(deployments, "names", lambda: set(core.running))
    monkeypatch.setattr(deployments, "endpoints", lambda: dict(core.running))
    monkeypatch.setattr(deployments, "handle", lambda name, sync: f"handle to {name}")
    monkeypatch.setattr(deployments, "set_routes", core.set_routes)
    monkeypatch.setattr(module, "_ensure_instance", lambda host, port: None)
    return core


def test_the_ingress_comes_last_and_its_handle_is_returned(core):
    graph = deployment(Model).bind(deployment(double).bind(), deployment(double).bind())
    assert run(graph) == "handle to Model"
    assert sorted(core.told[:2]) == [("deploy", "double", None), ("deploy", "double_1", None)]
    assert core.told[2:] == [("deploy", "Model", "/")]


def test_a_run_without_a_name_removes_what_the_one_before_left(core):
    core.running = {"kept": endpoint("kept", None, "/kept"), "other": endpoint("other", "app", "/other")}
    run(deployment(Model).bind(deployment(double).bind()))
    run(deployment(Model).bind())
    assert core.told[-1] == ("delete", "double")
    assert set(core.running) == {"kept", "other", "Model"}


def test_in_ray_2_a_run_without_a_name_leaves_no_other_deployment(core, monkeypatch):
    monkeypatch.setenv("SERVE_COMPAT_ERA", "2.3")
    backend = replace(endpoint("backend", None, "/backend"), generation=V1_4)
    core.running = {"own": endpoint("own", None, "/"), "app_x": endpoint("app_x", "app", "/x"), "backend": backend}
    run(deployment(Model).bind(), name="named", route_prefix="/named")
    assert set(core.running) == {"own", "app_x", "backend", "named_Model"}
    run(deployment(Model).bind())
    assert core.routes() == {"backend": "/backend", "Model": "/"}


def test_another_ingress_takes_over_the_route_when_it_can_answer(core):
    run(deployment(Model).bind())
    core.told.clear()
    run(deployment(double).bind())
    moved = ("routes", {"Model": None, "double": "/"})
    assert core.told == [("deploy", "double", None), moved, ("delete", "Model")]


def test_a_model_runs_alone_then_behind_an_ingress_then_alone_again(core):
    run(deployment(Model).bind())
    core.told.clear()
    run(deployment(double).bind())
    run(deployment(Outer).bind(deployment(Model).bind()))
    assert core.routes() == {"Model": None, "Outer": "/"}
    run(deployment(Model).bind())
    assert core.routes() == {"Model": "/"}


def test_the_former_root_answers_until_the_new_one_can(core):
    run(deployment(Model).bind())
    core.told.clear()
    run(deployment(Outer).bind(deployment(Model).bind()))
    moved = ("routes", {"Model": None, "Outer": "/"})
    assert core.told == [("deploy", "Model", "/"), ("deploy", "Outer", None), moved]


def test_a_failed_run_leaves_the_route_where_it_was_and_later_ones_alone(core):
    run(deployment(Model).bind())
    core.broken = "Outer"
    for _ in range(2):
        with pytest.raises(RuntimeError, match="Outer is UNHEALTHY"):
            run(deployment(Outer).bind(deployment(Model).bind()))
        assert core.routes() == {"Model": "/"}
    core.broken = ""
    run(deployment(Outer).bind(deployment(Model).bind()))
    assert core.routes() == {"Model": None, "Outer": "/"}


def test_what_cannot_be_removed_afterwards_does_not_take_the_new_application_back(core, monkeypatch):
    def stuck(name):
        raise TimeoutError(f"{name} could not be deleted")

    run(deployment(Model).bind())
    monkeypatch.setattr(deployments, "delete", stuck)
    with pytest.raises(TimeoutError):
        run(deployment(double).bind())
    assert core.running["double"].route == "/"


def test_the_users_error_is_told_although_cleaning_up_fails_too(core, monkeypatch):
    def stuck(name):
        raise TimeoutError(f"{name} could not be deleted")

    monkeypatch.setattr(deployments, "delete", stuck)
    core.broken = "Model"
    with pytest.raises(RuntimeError, match="Model is UNHEALTHY"):
        run(deployment(Model).bind(deployment(double).bind()))


def test_a_route_of_somebody_else_is_refused_before_anything_is_deployed(core):
    core.running = {"mine": endpoint("mine", None, "/")}
    with pytest.raises(ValueError, match="'mine' has it"):
        run(deployment(Model).bind(deployment(double).bind()))
    assert core.told == []


def test_what_a_failed_run_has_made_is_removed_and_the_rest_stays(core):
    run(deployment(Model).bind())
    core.broken = "Model"
    with pytest.raises(RuntimeError, match="Model is UNHEALTHY"):
        run(deployment(Model).bind(deployment(double).bind()))
    assert set(core.running) == {"Model"}


def test_named_runs_live_side_by_side_until_they_are_deleted(core):
    run(deployment(Model).bind(), name="a", route_prefix="/a")
    run(deployment(Model).bind(), name="b", route_prefix=None)
    assert [(name, each.route) for name, each in core.running.items()] == [
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
