import pytest

from legacy import api
from legacy.client import Client
from legacy.config import BackendConfig
from legacy.early import api as early
from legacy.errors import InstanceError, RayServeException
from legacy.generations import V0_8
from legacy.records import Endpoint


class FakeSession:
    """Knows one endpoint and one backend; `done` notes what would change something."""

    alive = True
    name = None

    def __init__(self):
        self.done = []
        self.used = set()

    def ask(self, question):
        if question == "list_backends":
            return {"b": BackendConfig(num_replicas=2, max_concurrent_queries=8)}
        return {"e": Endpoint("e", "/e", ("GET",), {})}

    def noting(self, name):
        def note(client, *args, **keywords):
            self.done.append((name, client._generation, *args, *keywords.values()))

        return note


@pytest.fixture
def session(monkeypatch):
    fake = FakeSession()
    monkeypatch.setattr(early._Current, "session", fake)
    monkeypatch.setattr(early, "session", lambda: fake)
    for name in ("update_backend_config", "create_endpoint", "set_traffic"):
        monkeypatch.setattr(Client, name, fake.noting(name))
    monkeypatch.setattr(
        Client, "_register", lambda client, name, backend: fake.done.append((name, client._generation, backend))
    )
    return fake


def handler(request):
    return "x"


def test_module_functions_are_those_of_0_8_after_init_only(session, monkeypatch):
    assert early.speaks()
    monkeypatch.setattr(early._Current, "session", None)
    assert not early.speaks()
    monkeypatch.setenv("SERVE_COMPAT_ERA", "0.8")
    assert early.speaks()


def test_a_shutdown_does_not_change_what_calls_mean_but_a_start_does(session, monkeypatch):
    monkeypatch.setattr(early.instances, "knows", lambda known: known.alive)
    early.started_anew()
    assert early.speaks()
    session.alive = False
    assert early.speaks()
    early.started_anew()
    assert not early.speaks()


def test_init_contradicting_the_era_is_refused(monkeypatch):
    monkeypatch.setenv("SERVE_COMPAT_ERA", "1.4")
    with pytest.raises(RayServeException, match=r"serve.init\(\) belongs to Ray 0.8.*era 1.4"):
        early.init()


def test_arguments_of_init_are_checked_before_anything_starts():
    with pytest.raises(TypeError, match=r"name .* must be a str"):
        early.init(name=1)
    with pytest.raises(TypeError, match="no argument 'nonsense'"):
        early.init(nonsense=1)


def test_before_init_a_call_says_so(monkeypatch):
    monkeypatch.setenv("SERVE_COMPAT_ERA", "0.8")
    with pytest.raises(InstanceError, match=r"serve.init\(\)"):
        api.list_backends()


def test_both_orders_of_tag_and_code_are_understood(session):
    api.create_backend("b", handler)
    api.create_backend(handler, "b")
    first, second = (backend for _, _, backend in session.done)
    assert (first.tag, first.target) == ("b", handler) == (second.tag, second.target)
    assert session.done[0][:2] == ("replace_backend", V0_8)


def test_the_config_of_0_7_is_an_object(session):
    api.create_backend(handler, "b", backend_config=BackendConfig(num_replicas=2))
    assert session.done[0][2].config == {"num_replicas": 2}


@pytest.mark.parametrize(
    ("config", "error"),
    [
        (BackendConfig(), TypeError),
        ([], TypeError),
        ({"num_replicas": "2"}, TypeError),
        ({"num_replicas": 0}, ValueError),
        ({"max_batch_size": 0}, ValueError),
        ({"user_config": 1}, ValueError),
    ],
)
def test_the_config_of_0_8_is_a_dict_of_four_settings(session, config, error):
    with pytest.raises(error):
        api.create_backend("b", handler, config=config)
    assert session.done == []


def test_a_route_may_be_positional_and_a_backend_missing(session):
    api.create_endpoint("f", "/f", ["GET", "POST"])
    api.create_endpoint("g", "/g", blocking=True)
    assert session.done[0] == ("create_endpoint", V0_8, "f", None, "/f", ["GET", "POST"])
    assert session.done[1][4] == "/g"


def test_the_same_endpoint_again_changes_nothing(session):
    api.create_endpoint("e", backend="b", route="/e", methods=["get"])
    assert session.done == []


def test_link_and_split_are_set_traffic(session):
    api.link("e", "b")
    api.split("e", {"b": 0.5, "c": 0.5})
    assert [args[3] for args in session.done] == [{"b": 1.0}, {"b": 0.5, "c": 0.5}]


def test_what_is_unknown_is_an_assertion_error(session):
    for call in (
        lambda: api.get_backend_config("nope"),
        lambda: api.update_backend_config("nope", {}),
        lambda: api.get_handle("nope"),
        lambda: api.set_traffic("e", [1]),
    ):
        with pytest.raises(AssertionError):
            call()


def test_only_three_settings_can_be_updated(session):
    with pytest.raises(ValueError, match="batch_wait_timeout"):
        api.update_backend_config("b", {"batch_wait_timeout": 1})
    with pytest.raises(ValueError, match="must be a dictionary"):
        api.update_backend_config("b", [1])
    api.set_backend_config("b", BackendConfig(num_replicas=3))
    assert session.done == [("update_backend_config", V0_8, "b", {"num_replicas": 3})]


def test_backends_are_listed_as_plain_dicts(session):
    assert api.list_backends() == {
        "b": {
            "accepts_batches": False,
            "is_blocking": True,
            "num_replicas": 2,
            "max_batch_size": None,
            "batch_wait_timeout": 0.0,
            "max_concurrent_queries": 8,
        }
    }


def test_outside_0_8_the_early_spellings_are_type_errors():
    with pytest.raises(TypeError, match="only positional argument"):
        api.create_endpoint("e", "/e")
    with pytest.raises(TypeError, match="blocking"):
        api.create_endpoint("e", blocking=True)
    with pytest.raises(TypeError, match="backend_config"):
        api.create_backend("b", handler, backend_config=BackendConfig())
