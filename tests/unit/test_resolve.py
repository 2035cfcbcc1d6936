import pytest

from legacy.environments.resolve import Activated, CondaEnv, conda_prefix, conda_wanted, with_interpreter
from legacy.errors import RayServeException


def exists(*directories):
    return lambda path: path in directories


def test_in_base_an_environment_lies_below_the_active_prefix():
    active = Activated(prefix="/opt/conda", name="base")
    assert conda_prefix("tf1", active, exists("/opt/conda/envs/tf1")) == "/opt/conda/envs/tf1"


def test_in_another_environment_it_is_a_sibling():
    active = Activated(prefix="/opt/conda/envs/now", name="now")
    assert conda_prefix("tf1", active, exists("/opt/conda/envs/tf1")) == "/opt/conda/envs/tf1"


def test_without_an_active_environment_it_is_found_by_the_conda_program():
    active = Activated(exe="/opt/conda/bin/conda")
    assert conda_prefix("tf1", active, exists("/opt/conda/envs/tf1")) == "/opt/conda/envs/tf1"
    assert conda_prefix("tf1", active, exists("/opt/tf1")) == "/opt/tf1"


def test_without_conda_it_raises():
    with pytest.raises(RayServeException, match="CONDA_PREFIX"):
        conda_prefix("tf1", Activated(), exists())


def test_an_environment_that_does_not_exist_raises_and_names_the_directory():
    with pytest.raises(ValueError, match="/opt/conda/envs/missing"):
        conda_prefix("missing", Activated(prefix="/opt/conda", name="base"), exists())


def test_replicas_run_the_interpreter_of_the_environment():
    active = Activated(prefix="/opt/conda", name="base")
    given = {"num_cpus": 1, "runtime_env": {"conda": "tf1", "env_vars": {"A": "1"}}}
    options = with_interpreter(given, "tf1", active, exists("/opt/conda/envs/tf1"))
    assert options["runtime_env"] == {"env_vars": {"A": "1"}, "py_executable": "/opt/conda/envs/tf1/bin/python"}
    assert given["runtime_env"]["conda"] == "tf1"


def test_a_prefix_is_taken_as_it_is():
    assert with_interpreter({}, "/envs/x", Activated())["runtime_env"] == {"py_executable": "/envs/x/bin/python"}


def test_names_and_prefixes_are_ours_and_environment_files_are_not():
    assert conda_wanted({"runtime_env": {"conda": "tf1"}}) == "tf1"
    for other in ({}, {"runtime_env": None}, {"runtime_env": {"conda": {"dependencies": []}}}):
        assert conda_wanted(other) is None
    assert conda_wanted({"runtime_env": {"conda": "environment.yml"}}) is None


def test_a_conda_env_is_its_name():
    assert CondaEnv("tf1").name == "tf1"
