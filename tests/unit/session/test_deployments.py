import pytest

from legacy.config import BackendConfig
from legacy.generations import DEPLOYMENT, V1_2, V2_3
from legacy.records import BackendSpec, Endpoint
from legacy.session import deployments
from legacy.session.deployments import DeploymentRequest, displaced, root_url, with_job_environment


class Session:
    """Takes the place of the session of this process."""

    def __init__(self):
        self.used = set()
        self.commands = []
        self.options = None

    def command(self, method, *args, timeout_s=None):
        self.commands.append((method, *args))

    def ask(self, method):
        return {"old": Endpoint("old", None, (), {}, python_methods=("__call__", "predict"))}

    def http_options(self):
        return self.options


@pytest.fixture
def session(monkeypatch):
    made = Session()
    monkeypatch.setattr(deployments.instances, "current", lambda: made)
    monkeypatch.setattr(deployments, "_job_environment", dict)
    return made


class Base:
    def inherited(self): ...


class Model(Base):
    def __init__(self, weight): ...

    def __call__(self): ...

    def __serve_asgi__(self): ...


def wish(target, *args, **more):
    init_kwargs, options = more.pop("init_kwargs", {}), more.pop("options", None)
    return DeploymentRequest("m", target, args, init_kwargs, BackendConfig(), options, **more)


def test_a_deployment_is_a_backend_and_an_endpoint_of_one_name(session):
    deployments.deploy(wish(Model, 1, version="v2", prev_version="v1", route="/r"), blocking=False)
    ((method, spec, endpoint, prev_version, blocking),) = session.commands
    assert (method, prev_version, blocking) == ("deploy", "v1", False)
    assert (spec.tag, spec.version, spec.generation, spec.is_class) == ("m", "v2", DEPLOYMENT, True)
    assert spec.config.max_concurrent_queries == 100
    assert (endpoint.name, endpoint.route, endpoint.methods, endpoint.traffic) == ("m", "/r", (), {"m": 1.0})
    assert (endpoint.matching, endpoint.python_methods) == ("prefix", ("__call__", "__init__", "inherited"))
    assert session.used == {DEPLOYMENT}


def running(name, route, generation=V2_3, application=None):
    return Endpoint(name, route, (), {name: 1.0}, generation=generation, application=application)


def test_in_ray_2_the_newest_deployment_takes_a_route_when_it_can_answer(session, monkeypatch):
    monkeypatch.setenv("SERVE_COMPAT_ERA", "2.3")
    monkeypatch.setattr(session, "ask", lambda method: {"old": running("old", "/r"), "m": running("m", "/own")})
    deployments.deploy(wish(Model, 1, route="/r"), blocking=True)
    (first, _, endpoint, *_), (second, routes) = session.commands
    assert (first, endpoint.route) == ("deploy", "/own")
    assert (second, routes) == ("set_routes", {"old": None, "m": "/r"})


def test_a_route_is_given_up_in_ray_2_and_between_its_applications_only():
    new = running("new", "/r", DEPLOYMENT)
    before = {"old": running("old", "/r", DEPLOYMENT)}
    assert displaced(before, new) is None
    assert displaced(before, running("new", "/r")) == "old"
    assert displaced(before, running("old", "/r")) is None
    assert displaced({"old": running("old", "/r", V1_2)}, running("new", "/r")) is None
    assert displaced({"old": running("old", None)}, running("new", None)) is None
    assert displaced({"a": running("a", "/r", DEPLOYMENT, "one")}, running("new", "/r", DEPLOYMENT, "")) == "a"


def test_a_function_takes_no_constructor_arguments(session):
    for wrong in (wish(len_of, 1), wish(len_of, init_kwargs={"a": 1})):
        with pytest.raises(ValueError, match="no constructor"):
            deployments.deploy(wrong, blocking=True)
    assert session.commands == []


def len_of(request):
    return 1


@pytest.mark.parametrize(
    "key", ["name", "namespace", "lifetime", "max_restarts", "max_concurrency", "scheduling_strategy", "args"]
)
def test_what_serve_decides_itself_is_refused_in_actor_options(session, key):
    given = {key: 1}
    with pytest.raises(ValueError, match=f"Specifying '{key}' in ray_actor_options is not allowed"):
        deployments.deploy(wish(Model, options=given), blocking=True)
    assert given == {key: 1}


def test_registered_code_is_deployed_again_as_it_is(session):
    known = BackendSpec("old", b"code", True, BackendConfig(), {}, V1_2, sys_path=("/there",))
    deployments.deploy(wish(None, registered=known, version="v3", options={"num_cpus": 2}), blocking=True)
    _, spec, endpoint, _, _ = session.commands[-1]
    assert (spec.tag, spec.code, spec.sys_path, spec.version) == ("m", b"code", ("/there",), "v3")
    assert (spec.generation, spec.actor_options) == (DEPLOYMENT, {"num_cpus": 2})
    assert endpoint.python_methods == ("__call__", "predict")


@pytest.mark.parametrize(
    ("given", "job", "expected"),
    [
        (None, {}, None),
        (None, {"env_vars": {"A": "1"}}, {"env_vars": {"A": "1"}}),
        (None, {"worker_process_setup_hook": "x.y"}, None),
        ({"runtime_env": {}}, {"working_dir": "gcs://w"}, {"working_dir": "gcs://w"}),
        ({"runtime_env": {"pip": ["x"]}}, {"working_dir": "w", "env_vars": {}}, {"pip": ["x"], "working_dir": "w"}),
        ({"runtime_env": {"working_dir": "own"}}, {"working_dir": "w"}, {"working_dir": "own"}),
    ],
)
def test_replicas_find_what_the_job_brings(given, job, expected):
    found = with_job_environment(given, job)
    assert (found or {}).get("runtime_env") == expected


def test_the_root_of_all_urls(session):
    from legacy.http_options import HTTPOptions

    for options, expected in [
        (HTTPOptions(), "http://127.0.0.1:8000"),
        (HTTPOptions(port=1234, root_path="/serve/"), "http://127.0.0.1:1234/serve"),
        (HTTPOptions(root_url="https://a.b/c/"), "https://a.b/c"),
        (HTTPOptions(host=None), None),
    ]:
        session.options = options
        assert root_url() == expected
