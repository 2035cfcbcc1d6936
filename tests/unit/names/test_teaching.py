import pytest

import serve_compat as serve
from legacy.client import Client
from serve_compat.names.teaching import SECTION, lesson
from tests.programs import ROOT


@serve.deployment
def model(request):
    return request


def told(thing, name):
    with pytest.raises(AttributeError) as raised:
        getattr(thing, name)
    return str(raised.value)


def test_a_name_that_never_was_names_what_to_use():
    text = told(serve, "router")
    assert text.startswith("module 'serve_compat' has no attribute 'router': no Ray release has a public serve.router")
    assert "serve.set_traffic" in text


def test_a_name_of_newer_releases_says_since_when():
    assert "Ray 2.7 and later have serve.get_app_handle; here: serve.get_deployment(name)" in told(
        serve, "get_app_handle"
    )


def test_a_name_of_some_older_releases_says_which():
    assert "Ray 2.0 to 2.x had serve.PredictorDeployment" in told(serve, "PredictorDeployment")
    assert lesson("model_wrappers", "", ()).startswith("Ray 1.13 had serve.model_wrappers")


def test_a_typing_error_is_answered_with_the_closest_names():
    assert told(serve, "create_backnd").endswith("did you mean 'create_backend'?")
    assert "'shutdown'" in told(serve, "shut_down")


@pytest.mark.parametrize("name", ["nonsense", "__wrapped__", "__path_"])
def test_nothing_is_made_up_where_nothing_is_known(name):
    assert told(serve, name) == f"module 'serve_compat' has no attribute {name!r}"


@pytest.mark.parametrize(
    ("line", "lesson"),
    [
        ("from serve_compat import multiplexed", "Ray 2.5 and later have serve.multiplexed"),
        ("from serve_compat.handle import DeploymentHandle", "Ray 2.7 and later have serve.handle.DeploymentHandle"),
        ("from serve_compat.handle import DeploymentHandle", "a program of Ray 2.7 to 2.9 runs on today's Ray after"),
        ("from serve_compat.api import deploy_group", "here: deployment.deploy() of each of them"),
        ("from serve_compat.api import get_app_handle", "Ray 2.7 and later have serve.get_app_handle"),
        ("from serve_compat import route", "Ray 0.7 had serve.route; here: serve.create_endpoint"),
        (
            "from serve_compat.drivers import SimpleSchemaIngress",
            "Ray 1.12 to 2.x had serve.drivers.SimpleSchemaIngress",
        ),
        ("from serve_compat.utils import MockImportedBackend", "here: serve.ImportedBackend("),
        ("from serve_compat.exceptions import RayServeTimeout", ": it has RayServeException"),
        ("from serve_compat.batching import SingleRequest", ": it has batch"),
        ("from serve_compat.client import get_controller_namespace", ": it has ServeControllerClient"),
        ("from serve_compat.constants import LongPollKey", ": it has ALL_HTTP_METHODS, BACKEND_RECONFIGURE_METHOD, "),
        ("from serve_compat.utils import get_all_node_ids", ": it has ServeEncoder, ServeMultiDict, ServeRequest, "),
        ("from serve_compat.config import BackendConfg", "did you mean 'BackendConfig'?"),
        ("from serve_compat.http_adapters import json_requst", "did you mean 'json_request'?"),
    ],
)
def test_an_import_tells_the_same(line, lesson):
    with pytest.raises(ImportError) as raised:
        exec(line)
    assert lesson in str(raised.value)


def test_asking_whether_a_name_is_there_stays_harmless():
    assert not hasattr(serve, "multiplexed")
    assert getattr(serve.handle, "DeploymentHandle", None) is None


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("remote", "deployment.get_handle().remote(...)"),
        ("set_traffic", "serve.set_traffic(deployment.name"),
        ("max_ongoing_requests", "Ray 2.10 and later have Deployment.max_ongoing_requests"),
        ("deplyo", "did you mean 'deploy'?"),
    ],
)
def test_a_deployment_explains_what_it_has_not(name, text):
    assert text in told(model, name)


def test_a_property_that_fails_keeps_its_own_error(monkeypatch):
    monkeypatch.setattr(type(model), "url", property(lambda self: self._nothing.of_the_kind))
    assert told(model, "url") == "'Deployment' object has no attribute '_nothing'"


def test_a_client_explains_what_it_has_not():
    client = object.__new__(Client)
    assert "did you mean 'create_backend'?" in told(client, "create_backed")
    assert "it has create_backend, " in told(client, "run")
    assert "@serve.deployment" in told(client, "run")


def test_what_is_told_names_a_section_of_the_readme_that_exists():
    assert told(serve, "router").endswith(f"(README, section {SECTION!r})")
    assert f"## {SECTION}\n" in (ROOT / "README.md").read_text()


def test_a_module_without_a_list_of_its_names_can_be_imported_whole():
    names: dict[str, object] = {}
    exec("from serve_compat.constants import *", names)
    assert names["DEFAULT_HTTP_PORT"] == 8000
    with pytest.raises(AttributeError, match="did you mean 'DEFAULT_HTTP_PORT'"):
        serve.constants.DEFAULT_HTTP_PROT  # noqa: B018
