"""Deployments on a real instance: versions, updates, failures, handles and URLs."""

import os
import time
from concurrent.futures import ThreadPoolExecutor, wait

import pytest
import ray

import serve_compat as serve
from legacy.calls import local_router
from legacy.errors import BackendDeletedError, DeadlineError, RayServeException
from serve_compat.api import get_deployment_statuses

pytestmark = pytest.mark.usefixtures("instance")


@serve.deployment
class Model:
    def __init__(self, weight=1):
        self.weight = weight
        self.seen = []

    def __call__(self, request):
        return f"{self.weight} {os.getpid()}"

    def reconfigure(self, config):
        self.seen.append(config)
        self.weight = config["weight"]

    def state(self):
        return self.weight, self.seen, os.getpid()


def state():
    return ray.get(Model.get_handle().state.remote())


def test_the_same_version_changes_in_place_and_another_replaces_the_replicas():
    model = Model.options(version="v1", user_config={"weight": 2})
    model.deploy()
    weight, seen, pid = state()
    assert (weight, seen) == (2, [{"weight": 2}])
    model.options(user_config={"weight": 3}).deploy()
    assert state() == (3, [{"weight": 2}, {"weight": 3}], pid)
    model.options(version="v2").deploy()
    assert state()[2] != pid


def test_a_deployment_that_is_looked_up_is_changed_and_deployed_again():
    Model.options(name="m", version="v1").deploy(5)
    found = serve.get_deployment("m")
    assert (found.version, found.init_args, found.url) == ("v1", (5,), Model.options(name="m").url)
    found.options(version="v2", num_replicas=2).deploy()
    again = serve.get_deployment("m")
    assert (again.version, again.num_replicas, again.init_args) == ("v2", 2, (5,))


def test_a_call_to_a_deleted_deployment_says_so_soon_and_works_once_it_is_deployed_again(monkeypatch):
    Model.options(name="m").deploy(1)
    handle = serve.get_deployment("m").get_handle()
    assert ray.get(handle.state.remote())[0] == 1
    serve.get_deployment("m").delete()
    monkeypatch.setattr(local_router, "RETURN_S", 0.2)
    with pytest.raises(BackendDeletedError, match=r"deployment 'm' was deleted and did not come back within 0.2 s"):
        handle.state.remote()
    Model.options(name="m").deploy(2)
    assert ray.get(handle.state.remote())[0] == 2


def test_deploying_an_unchanged_version_costs_little():
    model = Model.options(version="v1")
    model.deploy()
    took = []
    for _ in range(5):
        began = time.perf_counter()
        model.deploy()
        took.append(time.perf_counter() - began)
    assert min(took) < 0.05


def test_a_failing_version_raises_with_the_users_error_and_the_old_one_serves_on(instance):
    @serve.deployment(name="m", version="v2")
    class Broken:
        def __init__(self):
            raise ValueError("weights file is missing")

    Model.options(name="m", version="v1").deploy(7)
    with pytest.raises(RuntimeError, match=r"Deployment m is UNHEALTHY.*(?s:.*)weights file is missing"):
        Broken.deploy()
    assert instance.get("/m").text.startswith("7 ")
    assert serve.get_deployment("m").version == "v1"
    with pytest.raises(RuntimeError, match="weights file is missing"):
        Broken.options(name="new").deploy()
    assert "new" not in serve.list_deployments()


def test_a_user_config_nobody_takes_fails_the_deployment():
    @serve.deployment(user_config={"a": 1})
    def function(request):
        return "x"

    with pytest.raises(RuntimeError, match="user_config"):
        function.deploy()


def test_a_taken_route_is_refused_and_leaves_nothing_behind(instance):
    Model.options(name="first", route_prefix="/same").deploy(1)
    with pytest.raises(ValueError, match="route_prefix '/same' is already registered"):
        Model.options(name="thief", route_prefix="/same").deploy(2)
    assert sorted(serve.list_deployments()) == ["first"]
    assert instance.get("/same").text.startswith("1 ")
    Model.options(name="first", route_prefix=None).deploy(1)
    assert (instance.get("/same").status_code, serve.get_deployment("first").url) == (404, None)
    Model.options(name="thief", route_prefix="/same").deploy(2)
    assert instance.get("/same/below?q").text.startswith("2 ")


def test_reconfigure_waits_for_the_requests_that_run(instance, log):
    @serve.deployment(version="v1", user_config=1)
    class Slow:
        def reconfigure(self, config):
            log.add(f"reconfigure {config}")

        async def __call__(self, request):
            import asyncio

            log.add("begin")
            await asyncio.sleep(0.5)
            log.add("end")

    Slow.deploy()
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(instance.get, "/Slow")
        while "begin" not in log.lines():
            time.sleep(0.01)
        Slow.options(user_config=2).deploy()
        running.result()
    assert log.lines() == ["reconfigure 1", "begin", "end", "reconfigure 2"]


def test_statuses_say_how_deployments_are():
    Model.deploy()
    status = get_deployment_statuses()["Model"]
    assert (status.status, status.message, status.name) == ("HEALTHY", "", "Model")


def test_a_handle_is_kept_works_before_the_deployment_and_survives_redeploys():
    handle = Model.get_handle()
    assert handle is Model.get_handle()
    assert repr(handle) == "RayServeSyncHandle(deployment='Model')"
    with ThreadPoolExecutor(1) as pool:
        early = pool.submit(lambda: ray.get(handle.state.remote())[0])
        Model.deploy(4)
        assert early.result(30) == 4
    Model.deploy(5)
    assert ray.get(handle.state.remote())[0] == 5
    with pytest.raises(RayServeException, match=r"no method 'nope'\. Available methods: __call__, reconfigure, state"):
        ray.get(handle.nope.remote())


def test_a_handle_to_a_deployment_that_never_comes_gives_up_at_its_deadline():
    with pytest.raises(DeadlineError, match=r"'never' does not exist .* within 0\.1 s"):
        Model.options(name="never").get_handle().options(queue_timeout_s=0.1).remote()


def test_a_call_without_arguments_gets_an_empty_request():
    Model.deploy()
    assert ray.get(Model.get_handle().remote()).startswith("1 ")


def test_a_deployment_object_can_be_used_inside_another_one():
    @serve.deployment
    class Outer:
        def __init__(self):
            self.inner = Model.get_handle()

        async def __call__(self, request):
            return (await self.inner.state.remote())[0]

    Model.deploy(9)
    Outer.deploy()
    assert ray.get(Outer.get_handle().remote()) == 9


def test_the_runtime_env_of_a_deployment_reaches_its_replicas():
    @serve.deployment(ray_actor_options={"num_cpus": 0.1, "runtime_env": {"env_vars": {"COLOUR": "red"}}})
    def colour(request):
        return os.environ["COLOUR"]

    colour.deploy()
    assert ray.get(colour.get_handle().remote()) == "red"


def test_deleting_frees_the_name_and_a_second_time_does_nothing(instance):
    Model.deploy()
    Model.delete()
    Model.delete()
    assert instance.get("/Model").status_code == 404
    with pytest.raises(KeyError, match="Model"):
        serve.get_deployment("Model")


def test_a_drain_waits_for_a_call_on_its_way_and_for_none_whose_argument_failed(instance, tmp_path):
    @ray.remote(num_cpus=0)
    def argument(text, file):
        while not file.exists():
            time.sleep(0.01)
        if text == "fails":
            raise KeyError("no such")
        return text

    same = serve.deployment(lambda x: x, name="same")
    same.deploy()
    handle = same.get_handle()
    with pytest.raises(KeyError, match="no such"):
        ray.get(handle.remote(argument.remote("fails", tmp_path)))
    on_its_way = handle.remote(argument.remote("came", tmp_path / "go"))  # sent when its argument is there
    with ThreadPoolExecutor(1) as pool:
        deleting = pool.submit(same.delete)
        while instance.get("/same").status_code != 404:
            time.sleep(0.01)
        assert not wait([deleting], 0.5).done
        (tmp_path / "go").touch()
        assert ray.get(on_its_way) == "came"
        deleting.result(10)


def test_a_deploy_without_room_says_what_it_waits_for(caplog):
    large = Model.options(ray_actor_options={"num_cpus": 1000})
    with ThreadPoolExecutor(1) as pool:
        deploying = pool.submit(large.deploy)
        deadline = time.monotonic() + 60
        while "each needs {'CPU': 1000.0}, free on the nodes" not in caplog.text:
            assert time.monotonic() < deadline  # it is told by a log record, which is no event
            time.sleep(0.1)
        assert "each needs {'CPU': 1000.0}" in get_deployment_statuses()["Model"].message
        large.delete()
        with pytest.raises(RayServeException, match="was deleted"):
            deploying.result(60)
