"""Deployments and legacy backends in one instance: each is seen, split, shadowed and called by the other style."""

import time
from collections import Counter

import pytest
import ray

import serve_compat as serve
from legacy.handle import RayServeSyncHandle

pytestmark = pytest.mark.usefixtures("instance")


@serve.deployment(name="model", version="v1")
class Model:
    def __call__(self, request):
        return "deployment"

    def predict(self, x):
        return type(x).__name__

    def reconfigure(self, config):
        pass


def old(request):
    return "backend"


def answers(instance, path, n=40):
    return Counter(instance.get(path).text for _ in range(n))


def test_a_deployment_is_a_backend_and_an_endpoint(instance):
    Model.options(num_replicas=2, user_config={"a": 1}).deploy()
    config = serve.list_backends()["model"]
    assert (config.num_replicas, config.max_concurrent_queries, config.user_config) == (2, 100, {"a": 1})
    assert serve.get_backend_config("model") == config
    assert serve.list_endpoints()["model"] == {
        "route": "/model",
        "methods": ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"],
        "traffic": {"model": 1.0},
        "shadows": {},
        "python_methods": ["__call__", "predict", "reconfigure"],
    }
    assert instance.client.list_backends().keys() == {"model"}


def test_names_and_routes_are_one_space_for_both_styles():
    Model.deploy()
    for taken in (lambda: serve.create_backend("model", old), lambda: serve.delete_backend("model")):
        with pytest.raises(ValueError, match="model"):
            taken()
    serve.create_backend("old", old)
    for name, route in (("model", "/other"), ("e", "/model")):
        with pytest.raises(ValueError, match=r"model"):
            serve.create_endpoint(name, backend="old", route=route)
    serve.create_endpoint("e", backend="old", route="/e")
    with pytest.raises(ValueError, match="'/e' is already registered"):
        Model.options(name="second", route_prefix="/e").deploy()
    assert sorted(serve.list_deployments()) == ["model", "old"]


def test_traffic_is_split_between_both_and_a_redeploy_keeps_it(instance):
    Model.deploy()
    serve.create_backend("old", old)
    serve.set_traffic("model", {"model": 0.5, "old": 0.5})
    assert set(answers(instance, "/model")) == {"deployment", "backend"}
    Model.options(version="v2").deploy()
    assert serve.list_endpoints()["model"]["traffic"] == {"model": 0.5, "old": 0.5}
    assert set(answers(instance, "/model")) == {"deployment", "backend"}


def test_a_legacy_endpoint_may_lead_to_a_deployment(instance):
    Model.deploy()
    serve.create_endpoint("door", backend="model", route="/door", methods=["GET"])
    assert instance.get("/door").text == "deployment"


def test_shadows_pass_between_both(instance, log):

    def shadow(request):
        log.add("copied")

    Model.deploy()
    serve.create_backend("shadow", shadow)
    serve.shadow_traffic("model", "shadow", 1.0)
    assert instance.get("/model").text == "deployment"
    deadline = time.monotonic() + 10
    while not log.lines():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert log.lines() == ["copied"]


def test_either_styles_handle_reaches_the_other():
    Model.deploy()
    serve.create_backend("old", old)
    serve.create_endpoint("e", backend="old")
    legacy = serve.get_handle("model")
    assert isinstance(legacy, RayServeSyncHandle)
    assert repr(legacy) == "RayServeSyncHandle(endpoint='model')"
    assert ray.get(legacy.predict.remote(5)) == "ServeRequest"
    assert ray.get(Model.get_handle().predict.remote(5)) == "int"
    assert ray.get(serve.get_handle("e").remote()) == "backend"
    with pytest.raises(AttributeError, match="predict"):
        _ = serve.get_handle("e").predict


def test_a_backend_is_looked_up_and_deleted_as_a_deployment():
    serve.create_backend("old", old)
    found = serve.get_deployment("old")
    assert repr(found) == "Deployment(name=old,version=__serve_version__,route_prefix=None)"
    assert found.func_or_class(None) == "backend"
    found.delete()
    assert "old" not in serve.list_backends()


def test_a_deployments_config_is_updated_as_a_backends(instance):
    Model.deploy()
    serve.update_backend_config("model", {"num_replicas": 2})
    assert serve.get_deployment("model").num_replicas == 2
    assert instance.get("/model").text == "deployment"
