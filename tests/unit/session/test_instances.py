from types import SimpleNamespace

import pytest

from legacy.generations import DEPLOYMENT, V1_2, V1_4
from legacy.http_options import HTTPOptions
from legacy.records import InstanceName
from legacy.session import instances as under_test
from legacy.session.instances import Instances, random_letters, second_start
from legacy.session.session import Session


@pytest.mark.parametrize(
    ("used", "same_address", "meaning"),
    [
        (set(), True, "attach"),
        (set(), False, "new"),
        ({V1_2}, True, "new"),
        ({V1_2}, False, "new"),
        ({V1_4}, True, "attach"),
        ({V1_4}, False, "attach"),
        ({DEPLOYMENT}, False, "attach"),
        ({V1_2, V1_4}, False, "attach"),
    ],
)
def test_a_second_start_attaches_or_makes_an_instance_beside_the_first(used, same_address, meaning):
    assert second_start(used, same_address) == meaning


def test_random_letters_are_letters():
    assert len(random_letters()) == 6
    assert random_letters(20).isalpha()


def controller(actor_id):
    return SimpleNamespace(_actor_id=bytes([actor_id]))


@pytest.mark.parametrize("holder", [None, controller(2)], ids=["nobody has the name", "another has it"])
def test_a_start_after_another_program_has_shut_the_instance_down_starts_one(monkeypatch, holder):
    name = InstanceName("SERVE_CONTROLLER_ACTOR", "ns")
    first, second = (Session(controller(number), name, owned=False, detached=True) for number in (1, 2))
    starting = iter([(first, True), (second, True)])
    monkeypatch.setattr(under_test, "_ensure_ray", lambda: None)
    monkeypatch.setattr(under_test.cluster, "connection", lambda: "this Ray")
    monkeypatch.setattr(under_test, "found_or_launched", lambda *_: next(starting))
    monkeypatch.setattr(under_test.cluster, "job_namespace", lambda: "ns")
    monkeypatch.setattr(under_test.controllers, "holder", lambda _: first.controller)
    instances = Instances()
    assert instances.start(True, HTTPOptions(), False) is first
    monkeypatch.setattr(under_test.controllers, "holder", lambda _: holder)
    assert instances.start(True, HTTPOptions(), False) is second
    assert not first.alive
