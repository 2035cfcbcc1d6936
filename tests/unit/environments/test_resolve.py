from legacy.environments.resolve import Activated, CondaEnv, rule_of_ray_1


def test_in_base_an_environment_lies_below_the_active_prefix():
    assert rule_of_ray_1("tf1", Activated(prefix="/opt/conda", name="base")) == ["/opt/conda/envs/tf1"]


def test_in_another_environment_it_is_a_sibling():
    assert rule_of_ray_1("tf1", Activated(prefix="/opt/conda/envs/now", name="now")) == ["/opt/conda/envs/tf1"]


def test_without_an_active_environment_it_is_looked_for_by_the_conda_program():
    assert rule_of_ray_1("tf1", Activated(exe="/opt/conda/bin/conda")) == ["/opt/conda/envs/tf1", "/opt/tf1"]


def test_without_conda_there_is_nowhere_to_look():
    assert rule_of_ray_1("tf1", Activated()) == []


def test_a_conda_env_is_its_name():
    assert CondaEnv("tf1").name == "tf1"
