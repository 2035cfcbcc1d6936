import pytest

from legacy import eras
from legacy.generations import DEPLOYMENT, DEPLOYMENT_1_4, V0_8, V1_0, V1_2, V1_4, V1_13, V2_3


@pytest.fixture(autouse=True)
def nothing_said(monkeypatch):
    monkeypatch.setenv("SERVE_COMPAT_ERA", "")


def test_nothing_is_chosen_by_itself():
    assert eras.chosen().name == ""


@pytest.mark.parametrize("name", ["0.8", "1.0", "1.2", "1.4", "1.13", "2.3"])
def test_what_was_said_holds_for_this_process(name):
    eras.choose(name)
    assert eras.chosen().name == name


def test_an_unknown_era_names_those_there_are():
    with pytest.raises(ValueError, match=r"era='1.1' is no era; the eras are 0.8, 1.0, 1.2, 1.4, 1.13, 2.3"):
        eras.choose("1.1")
    assert eras.chosen().name == ""


def test_a_wrong_variable_is_named(monkeypatch):
    monkeypatch.setenv("SERVE_COMPAT_ERA", "x")
    with pytest.raises(ValueError, match="SERVE_COMPAT_ERA='x'"):
        eras.chosen()


@pytest.mark.parametrize(
    ("said", "functions", "client", "deployments", "second_start"),
    [
        ("", V1_4, V1_2, DEPLOYMENT, None),
        ("0.8", V0_8, V1_2, DEPLOYMENT, None),
        ("1.0", V1_4, V1_0, DEPLOYMENT, "new"),
        ("1.2", V1_4, V1_2, DEPLOYMENT, "new"),
        ("1.4", V1_4, V1_4, DEPLOYMENT_1_4, "attach"),
        ("1.13", V1_4, V1_4, V1_13, "attach"),
        ("2.3", V1_4, V1_4, V2_3, "attach"),
    ],
)
def test_what_each_api_means_in_an_era(said, functions, client, deployments, second_start, monkeypatch):
    monkeypatch.setenv("SERVE_COMPAT_ERA", said)
    era = eras.chosen()
    assert (era.functions, era.client, era.deployments) == (functions, client, deployments)
    assert era.second_start == second_start


@pytest.mark.parametrize(
    ("generation", "era"),
    [(V0_8, "0.8"), (V1_0, "1.0"), (V1_2, ""), (V1_4, ""), (DEPLOYMENT, ""), (V1_13, "1.13"), (V2_3, "2.3")],
)
def test_a_replica_follows_the_generation_of_its_backend(generation, era):
    eras.follow(generation)
    assert eras.chosen().name == era
