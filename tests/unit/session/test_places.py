"""Who finds which instance: the table of legacy.session.places, and what instances make of it."""

from types import SimpleNamespace

import pytest

from legacy import eras
from legacy.errors import RayServeException
from legacy.http_options import HTTPOptions
from legacy.records import InstanceName
from legacy.session import instances as under_test
from legacy.session.instances import Instances
from legacy.session.places import Places, places
from legacy.session.session import Session

OWN = ("0.8", "1.0", "1.2", "1.4", "1.13")


def era(name, monkeypatch):
    monkeypatch.setenv("SERVE_COMPAT_ERA", name)
    return eras.chosen()


@pytest.mark.parametrize("name", OWN)
def test_up_to_1_13_an_instance_lives_in_the_namespace_of_its_job(name, monkeypatch):
    assert places(era(name, monkeypatch), "team") == Places(("team",))
    assert places(era(name, monkeypatch), "serve") == Places(("serve",))


def test_from_2_0_on_there_is_one_namespace_for_all(monkeypatch):
    assert places(era("2.3", monkeypatch), "team") == Places(("serve",))


def test_where_nobody_said_the_era_both_are_found(monkeypatch):
    assert places(era("", monkeypatch), "team") == Places(("team", "serve"), anywhere=True)
    assert places(era("", monkeypatch), "serve") == Places(("serve",), anywhere=True)


class Running:
    """Detached instances that run, by namespace; the answers of the cluster's parts that are asked."""

    def __init__(self, monkeypatch, namespaces, job="team", port=8000):
        self.by_namespace = {
            each: (InstanceName("SERVE_CONTROLLER_ACTOR", each), SimpleNamespace(_actor_id=each.encode()))
            for each in namespaces
        }
        self.launched, self.ended = [], []
        found = list(self.by_namespace.values())
        patches = {
            "find_detached": self.by_namespace.get,
            "running": lambda: ([InstanceName("x:SERVE_CONTROLLER_ACTOR", "any"), *(name for name, _ in found)], []),
            "is_ours": lambda actor: True,
            "others_in": lambda namespace: "",
            "holder": lambda name: self.by_namespace.get(name.namespace, (None, None))[1],
            "is_up": lambda name, actor: True,
        }
        for name, answer in patches.items():
            monkeypatch.setattr(under_test.controllers, name, answer)
        monkeypatch.setattr(under_test.cluster, "job_namespace", lambda: job)
        monkeypatch.setattr(under_test, "_ensure_ray", lambda: None)
        monkeypatch.setattr(under_test.ray, "is_initialized", lambda: True)
        monkeypatch.setattr(under_test.cluster, "connection", lambda: "this Ray")
        monkeypatch.setattr(under_test, "launch", self.launch)
        monkeypatch.setattr(Session, "http_options", lambda session: HTTPOptions(port=port))
        monkeypatch.setattr(Session, "shutdown", lambda session: self.ended.append(session.name.namespace))

    def launch(self, names, detached, options, dedicated_cpu):
        self.launched.append(names[0].namespace)
        return Session(SimpleNamespace(_actor_id=b"new"), names[0], owned=not detached, detached=detached)


def attempt(action):
    try:
        return action().name.namespace
    except RayServeException:
        return "none"


# era, namespaces with an instance -> what `connect` and the functions find, where `start(detached=True)` attaches to or
# starts one, what `shutdown` ends; the job's namespace is "team"
TABLE = [
    ("", (), "none", "new team", []),
    ("", ("team", "serve"), "team", "team", ["team"]),
    ("", ("serve",), "serve", "serve", ["serve"]),
    ("", ("other",), "other", "other", []),
    ("", ("other", "another"), "none", "new team", []),
    ("1.4", ("serve",), "none", "new team", []),
    ("1.13", ("other",), "none", "new team", []),
    ("1.13", ("team",), "team", "team", ["team"]),
    ("2.3", ("serve", "team"), "serve", "serve", ["serve"]),
    ("2.3", ("team",), "none", "new serve", []),
    ("1.2", ("serve",), "none", "new team", []),
    ("0.8", ("team",), "team", "team", ["team"]),
]


@pytest.mark.parametrize(("name", "running", "found", "started", "ended"), TABLE)
def test_every_function_looks_in_the_places_of_the_era(name, running, found, started, ended, monkeypatch):
    era(name, monkeypatch)
    cluster = Running(monkeypatch, running)
    assert attempt(Instances().connect) == attempt(Instances().current) == found
    assert attempt(lambda: Instances().named(None, HTTPOptions())) == started.split()[-1]
    cluster.launched.clear()
    where = attempt(lambda: Instances().start(True, HTTPOptions(), False))
    assert ("new " if cluster.launched else "") + where == started
    Instances().shutdown_current()
    assert cluster.ended == ended


@pytest.mark.parametrize(("port", "where"), [(8000, "other"), (8001, "new team"), (0, "new team")])
@pytest.mark.parametrize("detached", [True, False])
def test_an_instance_elsewhere_is_taken_only_where_both_would_want_one_address(port, where, detached, monkeypatch):
    era("", monkeypatch)
    cluster = Running(monkeypatch, ("other",), port=8000 if port else 0)
    got = Instances().start(detached, HTTPOptions(port=port), False).name.namespace
    assert ("new " if cluster.launched else "") + got == where


@pytest.mark.parametrize(("name", "where"), [("1.4", "team"), ("1.13", "team"), ("1.2", "new team"), ("", "new team")])
def test_a_start_for_this_driver_alone_attaches_to_a_detached_instance_from_1_3_on(name, where, monkeypatch):
    era(name, monkeypatch)
    cluster = Running(monkeypatch, ("team",))
    monkeypatch.setattr(Instances, "_warn_if_different", lambda *_: None)
    got = Instances().start(False, HTTPOptions(location="NoServer"), False).name.namespace
    assert ("new " if cluster.launched else "") + got == where


def test_1_2_refuses_a_second_detached_instance(monkeypatch):
    era("1.2", monkeypatch)
    Running(monkeypatch, ("team",))
    with pytest.raises(RayServeException, match="connect"):
        Instances().start(True, HTTPOptions(), False)
