import pytest

from legacy import eras
from legacy.config import EARLY_DOORS, Door
from legacy.eras import Era


@pytest.fixture(autouse=True)
def nothing_said(monkeypatch):
    monkeypatch.setenv("SERVE_COMPAT_ERA", "")


def test_nothing_is_chosen_by_itself():
    assert eras.chosen() is None


@pytest.mark.parametrize("name", ["0.8", "1.0", "1.2", "1.4", "1.13", "2.3"])
def test_what_was_said_holds_for_this_process(name):
    eras.choose(name)
    assert eras.chosen().value == name


def test_an_unknown_era_names_those_there_are():
    with pytest.raises(ValueError, match=r"era='1.1' is no era; the eras are 0.8, 1.0, 1.2, 1.4, 1.13, 2.3"):
        eras.choose("1.1")
    assert eras.chosen() is None


def test_a_wrong_variable_is_named(monkeypatch):
    monkeypatch.setenv("SERVE_COMPAT_ERA", "x")
    with pytest.raises(ValueError, match="SERVE_COMPAT_ERA='x'"):
        eras.chosen()


def test_methods_of_a_client_behave_as_the_era_says():
    doors = {era: eras.client_door(era) for era in (None, *Era)}
    assert doors == {
        None: Door.CLIENT,
        Era.V0_8: Door.CLIENT,
        Era.V1_0: Door.CLIENT_1_0,
        Era.V1_2: Door.CLIENT,
        Era.V1_4: Door.MODULE,
        Era.V1_13: Door.MODULE,
        Era.V2_3: Door.MODULE,
    }


@pytest.mark.parametrize(("door", "era"), [(Door.V08, Era.V0_8), (Door.CLIENT_1_0, Era.V1_0), (Door.MODULE, None)])
def test_a_replica_follows_the_door_its_backend_came_through(door, era):
    eras.follow(door)
    assert eras.chosen() is era


def test_graph_handles_are_those_of_the_era_where_it_has_graphs():
    assert [eras.awaited_once(era) for era in (None, Era.V1_2, Era.V1_13, Era.V2_3)] == ["", "", "1", "0"]


def test_the_early_doors_are_those_up_to_1_2():
    assert Door.MODULE not in EARLY_DOORS
    assert Door.DEPLOYMENT not in EARLY_DOORS
