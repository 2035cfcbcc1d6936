"""Replicas in real conda environments, made from a local channel; no conda program is on this machine's PATH."""

import json
import os
import shutil
import signal
import sys

import pytest
import ray

import serve_compat as serve
from legacy.environments.job import Job
from legacy.environments.pack import pack_to
from tests.conda_channel import environment, wheel
from tests.fault.processes import titled
from tests.ray.instance import running_instance


@pytest.fixture(scope="module")
def running(own_cluster, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SERVE_COMPAT_ENVIRONMENTS_DIR", str(tmp_path_factory.mktemp("with space") / "cache"))
        patch.setenv("PATH", "/usr/bin:/bin")
        patch.delenv("CONDA_PREFIX", raising=False)
        ray.init(address="local", num_cpus=16, include_dashboard=False, log_to_driver=False)
        with running_instance() as made:
            yield made
        ray.shutdown()


@pytest.fixture
def named(monkeypatch, two_prefixes):
    """The environments can be found by their names."""
    monkeypatch.setenv("CONDA_ENVS_PATH", str(two_prefixes["dep1"].parent))


def version(_):
    import demo_dep

    return demo_dep.__version__


def about(_):
    return {name: os.environ.get(name) for name in ("CONDA_PREFIX", "DEMO_ACTIVATED", "GIVEN")} | {
        "exe": sys.executable
    }


def options(conda, **more):
    return {"runtime_env": {"conda": conda, **more}}


def forms(two_prefixes, channel_url, directory):
    """Every way to say dep2."""
    spec = {"name": "from-file", "channels": [channel_url], "dependencies": ["demo-dep=2", "shared-site"]}
    (directory / "environment.yml").write_text(json.dumps(spec))
    pack_to(str(two_prefixes["dep2"]), directory / "dep2.tar.zst", Job("dep2", 60))
    return {
        "name": "dep2",
        "prefix": str(two_prefixes["dep2"]),
        "yml": str(directory / "environment.yml"),
        "dict": spec,
        "archive": str(directory / "dep2.tar.zst"),
    }


def test_two_environments_that_exclude_each_other_serve_at_the_same_time(instance, named):
    client = instance.client
    for name in ("dep1", "dep2"):
        client.create_backend(name, version, env=serve.CondaEnv(name))
        client.create_endpoint(name, backend=name, route=f"/{name}")
    assert [instance.get(f"/{name}").text for name in ("dep1", "dep2")] == ["1.0", "2.0"]
    assert ray.get([client.get_handle(name).remote() for name in ("dep1", "dep2")]) == ["1.0", "2.0"]
    client.set_traffic("dep1", {"dep1": 0.5, "dep2": 0.5})
    assert {instance.get("/dep1").text for _ in range(40)} == {"1.0", "2.0"}


def test_every_form_names_the_same_environment(instance, named, two_prefixes, channel_url, tmp_path):
    for form, conda in forms(two_prefixes, channel_url, tmp_path).items():
        instance.client.create_backend(form, version, ray_actor_options=options(conda))
        instance.client.create_endpoint(form, backend=form)
        assert ray.get(instance.client.get_handle(form).remote()) == "2.0", form


def test_deployments_have_environments_too_and_keep_them(instance, two_prefixes):
    serve.deployment(version, name="v", ray_actor_options=options(str(two_prefixes["dep1"]))).deploy()
    assert instance.get("/v").text == "1.0"
    known = serve.get_deployment("v")
    assert known.ray_actor_options["runtime_env"]["conda"] == str(two_prefixes["dep1"])
    known.options(num_replicas=2).deploy()
    assert {instance.get("/v").text for _ in range(10)} == {"1.0"}
    known.options(ray_actor_options=options(str(two_prefixes["dep2"]))).deploy()
    assert instance.get("/v").text == "2.0"


def test_replicas_are_activated_and_other_keys_of_runtime_env_count(instance, two_prefixes, tmp_path):
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "beside.py").write_text("word = 'from the working directory'\n")
    code = "file://" + shutil.make_archive(str(tmp_path / "code"), "zip", tmp_path, "code")  # Ray takes no directories
    pip = str(wheel(tmp_path, "demo_wheel", "3.0"))
    prefix = str(two_prefixes["dep1"])

    class Model:
        def __init__(self):
            import beside
            import demo_wheel

            self.found = [beside.word, demo_wheel.__version__]

        def __call__(self, _):
            return {**about(_), "found": self.found}

    more = {"env_vars": {"GIVEN": "g"}, "working_dir": code, "pip": [pip]}
    serve.deployment(Model, name="m", ray_actor_options=options(prefix, **more)).deploy()
    found = instance.get("/m").json()
    assert found["found"] == ["from the working directory", "3.0"]
    assert (found["CONDA_PREFIX"], found["DEMO_ACTIVATED"], found["GIVEN"]) == (prefix, prefix, "g")


def test_code_that_only_the_environment_has_is_found_by_its_import_path(instance, two_prefixes):
    site = next(two_prefixes["dep2"].glob("lib/python*/site-packages"))
    (site / "only_there.py").write_text("class Model:\n    def __call__(self, request):\n        return 'only there'\n")
    serve.create_backend("path", "only_there.Model", ray_actor_options=options(str(two_prefixes["dep2"])))
    serve.create_endpoint("path", backend="path", route="/path")
    assert instance.get("/path").text == "only there"


def test_the_callers_own_environment_is_the_default(instance, monkeypatch):
    monkeypatch.setenv("CONDA_PREFIX", sys.prefix)
    monkeypatch.setenv("CONDA_DEFAULT_ENV", "mine")
    instance.client.create_backend("own", about)
    instance.client.create_endpoint("own", backend="own")
    found = ray.get(instance.client.get_handle("own").remote())
    assert (found["CONDA_PREFIX"], found["DEMO_ACTIVATED"]) == (sys.prefix, None)


def test_an_environment_that_cannot_run_replicas_fails_only_its_own_backend(
    instance, two_prefixes, conda_directory, channel_url
):
    bare = environment(conda_directory, channel_url, "bare", "demo-dep ==1.0", share=False)
    instance.client.create_backend("good", version, ray_actor_options=options(str(two_prefixes["dep1"])))
    instance.client.create_endpoint("good", backend="good", route="/good")
    with pytest.raises(RuntimeError, match=r"bare .*cannot run replicas on node \w+: it cannot import ray") as error:
        instance.client.create_backend("bad", version, ray_actor_options=options(str(bare)))
    assert f"{bare}/bin/python -m pip install ray=={ray.__version__}" in str(error.value)
    with pytest.raises(RuntimeError, match="Deployment bad is UNHEALTHY: Nothing stays registered"):
        serve.deployment(version, name="bad", ray_actor_options=options(str(bare))).deploy()
    assert "bad" not in instance.client.list_backends()
    assert instance.get("/good").text == "1.0"


def test_a_version_whose_environment_fails_leaves_the_one_before_in_service_and_unhealthy(
    instance, conda_directory, channel_url
):
    bare = environment(conda_directory, channel_url, "bare2", share=False)
    serve.deployment(about, name="d").deploy()
    with pytest.raises(RuntimeError, match="The version before it serves again"):
        serve.deployment(about, name="d", ray_actor_options=options(str(bare))).deploy()
    assert instance.get("/d").status_code == 200
    status = instance.client._session.status()["backends"]["d"]
    assert status["status"] == "UNHEALTHY"
    assert "cannot import ray" in status["last_error"]


def test_a_step_that_takes_time_shows_in_the_status(instance, monkeypatch, tmp_path, channel_url):
    gate, conda = tmp_path / "gate", tmp_path / "conda"
    os.mkfifo(gate)
    conda.write_text(f"#!/bin/sh\ncat '{gate}'\nexit 3\n")
    conda.chmod(0o755)
    monkeypatch.setenv("CONDA_EXE", str(conda))
    slow = serve.deployment(version, name="slow", ray_actor_options=options({"name": "tf9", "dependencies": ["x"]}))
    slow.deploy(_blocking=False)
    said = ""
    while "creating" not in said:
        said = instance.client._session.status()["backends"]["slow"]["environment"]["progress"] or ""
    assert said.startswith("preparing environment tf9 on node ")
    gate.write_text("done")
    while "slow" in instance.client.list_backends():  # a first version that fails leaves nothing
        assert instance.client._session.status()["backends"].get("slow", {}).get("status") != "HEALTHY"


def test_the_cluster_goes_on_when_controller_and_agents_are_killed(instance, two_prefixes):
    config = {"num_replicas": 1}
    prefix = str(two_prefixes["dep2"])
    instance.client.create_backend("b", version, config=config, ray_actor_options=options(prefix))
    instance.client.create_endpoint("b", backend="b", route="/b")
    for title in ("ServeEnvironments", "ServeController"):
        for pid in titled(title):
            os.kill(pid, signal.SIGKILL)
    instance.client.update_backend_config("b", {"num_replicas": 2})
    assert {instance.get("/b").text for _ in range(20)} == {"2.0"}
