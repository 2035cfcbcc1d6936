import pytest

from legacy.config import BackendConfig
from legacy.generations import V0_8, V1_2, V1_4
from legacy.http_options import HTTPOptions
from legacy.replica.backends import ImportedBackend, accept_batch
from legacy.session.backend_specs import Backend, backend_spec
from legacy.session.checks import (
    check_endpoint,
    check_name,
    check_target,
    checked_actor_options,
    checked_config,
    config_fields,
    is_async,
    merged_http_options,
)


class Plain:
    def __call__(self, request):
        return 1


class Async:
    async def __call__(self, request):
        return 1


def function(request):
    return 1


def no_warning(message):
    raise AssertionError(message)


def test_functions_classes_and_import_paths_are_backends():
    assert check_target("b", function, ()) is False
    assert check_target("b", lambda r: 1, ()) is False
    assert check_target("b", Plain, (1, 2)) is True
    assert check_target("b", ImportedBackend("a.B"), (1,)) is True
    assert check_target("b", "package.module.Name", (1,)) is None


@pytest.mark.parametrize("bad", [7, None, Plain(), len, object()])
def test_anything_else_is_no_backend(bad):
    with pytest.raises(TypeError, match="must be a function, a class or an import path"):
        check_target("b", bad, ())


def test_a_function_takes_no_init_args():
    with pytest.raises(ValueError, match="no constructor"):
        check_target("b", function, ("extra",))


def test_async_is_seen_on_functions_and_on_call():
    async def coroutine(request):
        return 1

    assert is_async(coroutine)
    assert is_async(Async)
    assert not is_async(function)
    assert not is_async(Plain)
    assert not is_async("a.b")
    assert not is_async(ImportedBackend("a.B"))


def test_actor_options_get_one_cpu_and_the_users_dict_is_left_alone():
    given = {"num_gpus": 1, "memory": None}
    assert checked_actor_options(given, V1_2) == {"num_cpus": 1, "num_gpus": 1}
    assert given == {"num_gpus": 1, "memory": None}
    assert checked_actor_options(None, V0_8) == {"num_cpus": 0}
    assert checked_actor_options({"num_cpus": 0.5}, V1_4) == {"num_cpus": 0.5}


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (3, TypeError),
        ([], TypeError),
        ({"num_cpus": "one"}, TypeError),
        ({"num_cpus": -1}, ValueError),
        ({"memory": -1}, ValueError),
        ({"object_store_memory": "1"}, TypeError),
        ({"resources": ["a"]}, TypeError),
        ({"name": "x"}, ValueError),
        ({"lifetime": "detached"}, ValueError),
        ({"max_restarts": 3}, ValueError),
    ],
)
def test_bad_actor_options_raise(options, error):
    with pytest.raises(error, match="ray_actor_options"):
        checked_actor_options(options, V1_2)


def test_a_placement_group_is_refused_from_1_3_on():
    with pytest.raises(ValueError, match="placement_group"):
        checked_actor_options({"placement_group": None}, V1_4)
    assert "placement_group" in checked_actor_options({"placement_group": object()}, V1_2)


def test_config_may_be_a_dict_an_object_or_none():
    assert checked_config("b", function, None, V1_2).num_replicas == 1
    assert checked_config("b", function, {"num_replicas": 2}, V1_2).num_replicas == 2
    given = BackendConfig(num_replicas=3)
    assert checked_config("b", function, given, V1_2).num_replicas == 3
    assert given.model_fields_set == {"num_replicas"}


def test_config_of_another_type_raises():
    with pytest.raises(TypeError, match="must be a dict"):
        checked_config("b", function, ["num_replicas"], V1_2)
    with pytest.raises(ValueError, match="replicas"):
        checked_config("b", function, {"replicas": 2}, V1_2)


def test_user_config_is_not_copied():
    model = object()
    assert checked_config("b", Plain, {"user_config": model}, V1_2).user_config is model
    assert config_fields(BackendConfig(user_config=model), "config")["user_config"] is model


@pytest.mark.parametrize(
    ("target", "config", "generation", "limit"),
    [
        (function, None, V1_2, 8),
        (Async, None, V1_2, 1_000_000),
        (Async, BackendConfig(), V1_2, 8),
        (Async, None, V1_4, 100),
        (function, {"max_concurrent_queries": 3}, V1_2, 3),
    ],
)
def test_the_query_limit_depends_on_generation_and_handler(target, config, generation, limit):
    assert checked_config("b", target, config, generation).max_concurrent_queries == limit


def test_what_the_code_says_is_kept_with_the_config():
    metadata = checked_config("b", accept_batch(lambda r: r), {"max_batch_size": 4}, V1_2).internal_metadata
    assert (metadata.accepts_batches, metadata.is_blocking) == (True, True)
    assert not checked_config("b", Async, None, V1_2).internal_metadata.is_blocking


def test_a_batch_size_needs_a_handler_of_lists():
    with pytest.raises(ValueError, match="accept_batch"):
        checked_config("b", function, {"max_batch_size": 4}, V1_2)
    assert checked_config("b", function, {"max_batch_size": 1}, V1_2).max_batch_size == 1


def test_endpoint_methods_become_upper_case():
    assert check_endpoint("e", "b", "/r", ["get", "POST"]) == ("GET", "POST")
    assert check_endpoint("e", "b", None, ["GET"]) == ("GET",)


@pytest.mark.parametrize(
    ("backend", "route", "methods"),
    [
        (None, "/r", ["GET"]),
        (5, "/r", ["GET"]),
        ("b", "", ["GET"]),
        ("b", "r", ["GET"]),
        ("b", 5, ["GET"]),
        ("b", "/r", ("GET",)),
        ("b", "/r", "GET"),
        ("b", "/r", {"GET"}),
        ("b", "/r", [1]),
    ],
)
def test_bad_endpoint_arguments_raise_type_error(backend, route, methods):
    with pytest.raises(TypeError, match="'e'"):
        check_endpoint("e", backend, route, methods)


def test_http_options_may_be_a_dict_an_object_or_nothing():
    assert merged_http_options(None, "127.0.0.1", 8000, [], no_warning) == HTTPOptions()
    assert merged_http_options({"port": 1234}, "127.0.0.1", 8000, [], no_warning).port == 1234
    given = HTTPOptions(port=5)
    assert merged_http_options(given, "127.0.0.1", 8000, [], no_warning) is given
    with pytest.raises(TypeError, match="http_options"):
        merged_http_options(8000, "127.0.0.1", 8000, [], no_warning)


def test_the_older_http_arguments_count_and_warn():
    warned = []
    options = merged_http_options(None, "0.0.0.0", 8001, [], warned.append)
    assert (options.host, options.port) == ("0.0.0.0", 8001)
    assert "http_host, http_port" in warned[0]
    assert "http_options" in warned[0]
    assert merged_http_options(None, None, 8000, [], warned.append).location == "NoServer"


def test_both_ways_to_give_http_options_raise():
    with pytest.raises(ValueError, match="http_port cannot be used together with http_options"):
        merged_http_options({"port": 1}, "127.0.0.1", 8001, [], no_warning)


def test_bad_older_http_arguments_name_http_options():
    with pytest.raises(ValueError, match="http_options"):
        merged_http_options(None, "127.0.0.1", "eight", [], lambda message: None)


@pytest.mark.parametrize("port", [1, 22, 1023])
def test_a_privileged_port_by_the_older_argument_is_taken_for_a_mistake(port):
    with pytest.raises(ValueError, match="http_options"):
        merged_http_options(None, "127.0.0.1", port, [], no_warning)


@pytest.mark.parametrize("port", [0, 80, 443, 1024, 8128])
def test_other_ports_by_the_older_argument_are_fine(port):
    told = []
    assert merged_http_options(None, "127.0.0.1", port, [], told.append).port == port
    assert len(told) == 1


@pytest.mark.parametrize("name", ["modèle", "模型", "e\u0301", "a b", "a\nb", ""])
def test_a_name_may_be_any_text(name):
    check_name("deployment", name)


def test_a_name_that_is_no_text_is_refused_by_what_is_wrong_with_it():
    with pytest.raises(ValueError, match=r"the deployment name 'a\\udcff' holds '\\udcff', which is half"):
        check_name("deployment", "a\udcff")
    with pytest.raises(ValueError, match="the endpoint name"):
        check_endpoint("a\udcff", "b", None, [])
    with pytest.raises(ValueError, match="the backend name"):
        backend_spec(V1_2, Backend("a\udcff", lambda request: 1))


@pytest.mark.parametrize(
    ("route", "warns"), [("/-/routes", True), ("/-/healthz", True), ("/-/x", False), (None, False)]
)
def test_a_route_that_no_request_reaches_is_warned_of(route, warns, caplog):
    check_endpoint("e", "b", route, [])
    assert ("is a page of serve itself, so no request to it reaches 'e'" in caplog.text) == warns
