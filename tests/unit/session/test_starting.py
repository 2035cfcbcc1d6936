"""Several programs that want the same instance: one starts it, the others wait for it, and all are told the truth."""

import pytest

from legacy import controllers
from legacy.constants import BESIDE_STOCK_NAME, CONTROLLER_NAME
from legacy.errors import InstanceError, NameTakenError
from legacy.records import InstanceName
from legacy.session import starting
from legacy.session.starting import found_or_launched, launch

NAMES = [InstanceName(CONTROLLER_NAME, "serve"), InstanceName(BESIDE_STOCK_NAME, "serve")]


class Found:
    """A session to an instance that another program starts."""

    name, controller = NAMES[0], None

    def __init__(self, *outcomes):
        self.outcomes = list(outcomes)

    def wait_until_ready(self, timeout_s):
        outcome = self.outcomes.pop(0)
        if outcome is not None:
            raise outcome


@pytest.fixture(autouse=True)
def coming_up(monkeypatch):
    monkeypatch.setattr(controllers, "is_up", lambda name, actor: False)
    monkeypatch.setattr(starting, "LOOK_AGAIN_S", 0)


def taken():
    raise NameTakenError("taken")


def test_who_is_slower_gets_the_instance_once_it_is_up():
    found = Found(None)
    looks = iter([None, found])
    assert found_or_launched(lambda: next(looks), taken) == (found, False)
    assert found.outcomes == []


def test_what_keeps_the_instance_from_coming_up_is_everybodys_error():
    with pytest.raises(OSError, match="in use"):
        found_or_launched(lambda: Found(OSError("the address is in use")), taken)


def test_who_waited_for_one_that_was_given_up_starts_it_himself():
    looks = iter([Found(InstanceError("gone")), None])
    assert found_or_launched(lambda: next(looks), lambda: "mine") == ("mine", True)


def test_an_instance_that_is_up_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(controllers, "is_up", lambda name, actor: True)
    found = Found()
    assert found_or_launched(lambda: found, taken) == (found, False)


def test_a_race_without_end_ends_with_our_error(monkeypatch):
    monkeypatch.setattr(starting, "RACE_S", 0.01)
    with pytest.raises(NameTakenError):
        found_or_launched(lambda: None, taken)


def test_where_all_names_are_other_programs_nothing_starts_and_the_setting_is_named(monkeypatch):
    monkeypatch.setattr(controllers, "holder", lambda name: "an actor without our methods")
    with pytest.raises(InstanceError, match="set SERVE_COMPAT_CONTROLLER_NAME to a free name"):
        found_or_launched(lambda: None, lambda: launch(NAMES, True, None, False))
