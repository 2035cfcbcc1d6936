"""Whose the actor is that has a controller's name, and what names there are."""

import pytest

from legacy import controllers
from legacy.constants import BESIDE_STOCK_NAME, CONTROLLER_NAME
from legacy.control.controller import ServeController
from legacy.errors import InstanceError
from legacy.records import InstanceName

DEFAULT, BESIDE = InstanceName(CONTROLLER_NAME, "serve"), InstanceName(BESIDE_STOCK_NAME, "serve")


class Handle:
    """Stands for an actor's handle, whose methods are what dir() tells."""

    def __init__(self, *methods):
        self.__dict__.update(dict.fromkeys(methods))


OURS, STOCKS = Handle(controllers.MARK, "status"), Handle("get_serve_status", "graceful_shutdown")


@pytest.fixture
def actors(monkeypatch):
    """Name -> handle of the actors of a cluster, and what its store holds."""
    held, store = {}, {}
    monkeypatch.setattr(controllers, "holder", held.get)
    monkeypatch.setattr(controllers.cluster, "kv_get", store.get)
    monkeypatch.setattr(controllers.cluster, "kv_keys", lambda start: [key for key in store if key.startswith(start)])
    monkeypatch.setattr(controllers.cluster, "actor_id", id)
    held["announce"] = lambda name: store.update(
        {controllers.announcement_key(name): controllers.announcement(name, id(held[name]))}
    )
    return held


def test_our_controller_has_the_mark():
    assert controllers.is_ours(ServeController)
    assert not controllers.is_ours(STOCKS)


def test_what_is_not_ours_is_not_found_and_the_error_says_whose_it_is(actors):
    actors[DEFAULT] = STOCKS
    with pytest.raises(InstanceError, match=r"stock Ray Serve's .* starts one beside it"):
        controllers.find(DEFAULT)
    assert controllers.find_detached("serve") is None
    assert CONTROLLER_NAME in controllers.others_in("serve")
    with pytest.raises(InstanceError, match="start one with"):
        controllers.find(BESIDE)


def test_ours_is_found_under_either_name(actors):
    actors[DEFAULT], actors[BESIDE] = STOCKS, OURS
    assert controllers.find_detached("serve") == (BESIDE, OURS)
    del actors[DEFAULT]  # stock is gone, ours keeps its name
    assert controllers.find_detached("serve") == (BESIDE, OURS)
    assert controllers.find_detached("elsewhere") is None


def test_a_set_name_is_found_by_those_who_did_not_set_it_too(actors, monkeypatch):
    team, drivers = InstanceName("TEAM", "serve"), InstanceName("abcdef:TEAM", "serve")
    for name in (drivers, team, InstanceName("TEAM", "serve/more")):
        actors[name] = OURS
        actors["announce"](name)
    assert controllers.find_detached("serve") == (team, OURS)
    monkeypatch.setenv("SERVE_COMPAT_CONTROLLER_NAME", "OTHER")
    assert controllers.find_detached("serve") is None


def test_a_set_name_comes_first_and_has_no_colon(monkeypatch):
    assert controllers.detached_names() == [CONTROLLER_NAME, BESIDE_STOCK_NAME]
    monkeypatch.setenv("SERVE_COMPAT_CONTROLLER_NAME", "TEAM")
    assert controllers.detached_names() == ["TEAM", BESIDE_STOCK_NAME]
    monkeypatch.setenv("SERVE_COMPAT_CONTROLLER_NAME", "a:b")
    with pytest.raises(ValueError, match=r"'a:b': a colon .* such as SERVE_COMPAT_CONTROLLER"):
        controllers.detached_names()


def test_an_instance_is_up_once_it_said_so_itself_not_one_of_its_name_that_was_killed(actors):
    actors[DEFAULT] = OURS
    assert not controllers.is_up(DEFAULT, OURS)
    actors["announce"](DEFAULT)
    assert controllers.is_up(DEFAULT, OURS)
    assert not controllers.is_up(DEFAULT, Handle(controllers.MARK))
