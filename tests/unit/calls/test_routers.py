import time

import pytest

from legacy.calls import routers as under_test
from legacy.calls.channel import Call
from legacy.calls.local_router import LocalRouter
from legacy.calls.routers import Routers
from legacy.errors import InstanceError
from legacy.records import InstanceName

NAME = InstanceName("ctl", "ns")
CALL = Call("handle_plain", ("__call__", "raw", "GET", None, None), (), {}, None)
APART = 20.0  # seconds that no call below may take


class Made:
    closed = False

    def __init__(self, instance, controller):
        self.controller = controller

    def close(self):
        self.closed = True


@pytest.fixture
def connected(monkeypatch):
    """What this process is connected to, and which controllers are there."""
    there = {"connection": "a cluster", NAME: "its controller"}

    def find(name):
        if name not in there:
            raise InstanceError("no serve instance")
        return there[name]

    monkeypatch.setattr("legacy.cluster.connection", lambda: there["connection"])
    monkeypatch.setattr("legacy.controllers.find", find)
    return there


@pytest.fixture
def routers(connected, monkeypatch):
    monkeypatch.setattr(under_test, "LocalRouter", Made)
    return Routers()


def test_there_is_one_router_for_an_instance(routers):
    assert routers.get(NAME) is routers.get(NAME)
    assert routers.get(NAME).controller == "its controller"


def test_without_a_cluster_there_is_none_and_no_cluster_is_started(routers, connected):
    connected["connection"] = None
    with pytest.raises(InstanceError, match="has already been shut down"):
        routers.get(NAME)


def test_in_another_cluster_the_old_one_ends_and_the_instance_is_looked_for(routers, connected):
    old = routers.get(NAME)
    connected["connection"] = "another cluster"
    del connected[NAME]
    with pytest.raises(InstanceError, match="no serve instance"):
        routers.get(NAME)
    assert old.closed
    connected[NAME] = "its controller there"
    assert routers.get(NAME).controller == "its controller there"


class Gone:
    """The handle of a controller that has ended."""

    class watch:
        @staticmethod
        def options(**_):
            raise RuntimeError("the actor died")


def test_calls_that_wait_are_told_that_their_instance_has_ended(connected):
    del connected[NAME]
    router = LocalRouter(NAME, Gone())
    began = time.monotonic()
    with pytest.raises(InstanceError, match="serve instance"):
        router.send(router.target("later"), CALL, 2 * APART, None)
    assert time.monotonic() - began < APART
    assert router.closed
    router.close()
