"""What only Ray 0.8-1.7 knew stays with the programs of those generations."""

import pytest
import requests
from fastapi import Depends, FastAPI, HTTPException

import serve_compat as serve

pytestmark = pytest.mark.usefixtures("instance")


def called(instance, path: str, method: str) -> requests.Response:
    return instance.get(path, headers={"X-SERVE-CALL-METHOD": method})


def guarded():
    app = FastAPI()

    def refuse():
        raise HTTPException(401)

    @serve.deployment(name="guarded", route_prefix="/guarded")
    @serve.ingress(app)
    class Guarded:
        @app.get("/secret", dependencies=[Depends(refuse)])
        def secret(self):
            return "the secret"

        def wipe(self):
            return "wiped"

    return Guarded


class Plain:
    def __call__(self, request):
        return "called"

    def other(self, request=None):
        return "other"


@pytest.mark.parametrize("era", ["", "1.4"])
@pytest.mark.parametrize("method", ["secret", "wipe", "__call__"])
def test_no_header_walks_around_the_routes_of_an_asgi_application(instance, monkeypatch, method, era):
    monkeypatch.setenv("SERVE_COMPAT_ERA", era)
    guarded().deploy()
    assert instance.get("/guarded/secret").status_code == 401
    assert called(instance, "/guarded/secret", method).status_code == 401


@pytest.mark.parametrize("era", ["", "1.13", "2.3"])
def test_a_deployment_does_not_know_the_call_method_header(instance, monkeypatch, era):
    monkeypatch.setenv("SERVE_COMPAT_ERA", era)
    serve.deployment(name="plain", route_prefix="/plain")(Plain).deploy()
    assert called(instance, "/plain", "other").text == "called"
    assert called(instance, "/plain", "no_such").text == "called"


def test_an_endpoint_of_old_does_not_bring_the_header_to_a_deployment_it_splits_to(instance):
    guarded().deploy()
    serve.create_backend("old", Plain)
    serve.create_endpoint("old", backend="old", route="/old")
    assert called(instance, "/old", "other").text == "other"
    serve.set_traffic("old", {"guarded": 1.0})
    assert called(instance, "/old", "wipe").text != "wiped"
    serve.delete_endpoint("old")
    serve.delete_backend("old")


def test_a_deployment_of_ray_1_4_knows_the_header_as_its_generation_did(instance, monkeypatch):
    monkeypatch.setenv("SERVE_COMPAT_ERA", "1.4")
    serve.deployment(name="plain", route_prefix="/plain")(Plain).deploy()
    assert called(instance, "/plain", "other").text == "other"
