import sys
import types

import pytest
from ray import cloudpickle

from legacy.environments.resolve import CondaEnv
from legacy.generations import DEPLOYMENT, V1_2, V1_4
from legacy.session.backend_specs import Backend, backend_spec
from serve_compat.runner.ray_calls import SETUP_HOOK


class Model:
    def __init__(self, path):
        self.path = path


def test_a_spec_carries_the_code_the_config_and_the_resources():
    spec = backend_spec(V1_2, Backend("b", Model, ("p",), {"num_gpus": 1}, {"num_replicas": 2}))
    target, args, kwargs = cloudpickle.loads(spec.code)
    assert (target.__name__, args, kwargs) == ("Model", ("p",), {})
    assert (spec.tag, spec.is_class, spec.config.num_replicas) == ("b", True, 2)
    assert spec.actor_options == {"num_cpus": 1, "num_gpus": 1}


def test_clients_do_not_wait_for_resources():
    assert backend_spec(V1_4, Backend("b", Model)).generation.waits_for_resources
    assert not backend_spec(V1_2, Backend("b", Model)).generation.waits_for_resources


def test_replicas_are_told_where_the_users_modules_are(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "path", [str(tmp_path), sys.prefix + "/lib", str(tmp_path), "/no/such/place"])
    assert backend_spec(V1_2, Backend("b", Model)).sys_path == (str(tmp_path),)


def test_replicas_are_told_whether_ray_serve_means_us(monkeypatch):
    monkeypatch.delitem(sys.modules, "ray.serve", raising=False)
    assert backend_spec(V1_2, Backend("b", Model)).setup == ""
    monkeypatch.setitem(sys.modules, "ray.serve", types.ModuleType("ray.serve"))
    assert backend_spec(V1_2, Backend("b", Model)).setup == ""
    monkeypatch.setitem(sys.modules, "ray.serve", types.ModuleType("serve_compat"))
    assert backend_spec(V1_2, Backend("b", Model)).setup == SETUP_HOOK


def test_env_must_be_a_conda_env():
    with pytest.raises(TypeError, match=r"serve\.CondaEnv"):
        backend_spec(V1_2, Backend("b", Model, env="tf1"))


def test_the_environment_is_looked_at_before_the_rest(monkeypatch, tmp_path):
    (tmp_path / "now").mkdir()
    monkeypatch.setenv("CONDA_PREFIX", str(tmp_path / "now"))
    monkeypatch.setenv("CONDA_DEFAULT_ENV", "now")
    with pytest.raises(ValueError, match="missing"):
        backend_spec(V1_2, Backend("b", 7, env=CondaEnv("missing")))
    (tmp_path / "there" / "bin").mkdir(parents=True)
    (tmp_path / "there" / "bin" / "python").symlink_to(sys.executable)
    origin = backend_spec(V1_2, Backend("b", Model, env=CondaEnv("there"))).environment
    assert (origin.wanted.kind, origin.wanted.value) == ("prefix", str(tmp_path / "there"))
    assert not origin.implied


def test_the_callers_own_environment_is_the_default_only_where_its_interpreter_is_the_activated_one(monkeypatch):
    monkeypatch.setenv("CONDA_PREFIX", sys.prefix)
    origin = backend_spec(DEPLOYMENT, Backend("b", Model)).environment
    assert (origin.wanted.value, origin.implied) == (sys.prefix, True)
    monkeypatch.setenv("CONDA_PREFIX", "/opt/conda")
    assert backend_spec(DEPLOYMENT, Backend("b", Model)).environment is None


def test_the_options_keep_what_the_user_wrote(tmp_path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").symlink_to(sys.executable)
    options = {"runtime_env": {"conda": str(tmp_path), "env_vars": {"A": "1"}}}
    spec = backend_spec(DEPLOYMENT, Backend("b", Model, actor_options=options))
    assert spec.actor_options["runtime_env"] == options["runtime_env"]
    assert spec.environment.wanted.value == str(tmp_path)
