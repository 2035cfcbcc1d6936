import asyncio
import pickle

import pytest

from legacy.constants import QUEUE_TIMEOUT_S
from legacy.early.handle import FirstHandle
from legacy.generations import DEPLOYMENT, V1_0, V1_2, V1_4
from legacy.handle import HandleOptions, RayServeHandle, RayServeSyncHandle
from legacy.records import InstanceName

INSTANCE = InstanceName("controller", "namespace")


class FakeRouter:
    """Takes the place of a LocalRouter: notes what it should send."""

    closed = False
    connection = None

    def __init__(self):
        self.sent = []

    def send(self, target, call, timeout_s, appear_s):
        self.sent.append((target, call, timeout_s, appear_s))
        return f"ref {len(self.sent)}"

    async def send_async(self, *what):
        return self.send(*what)


def handle(generation=V1_2, kind=RayServeSyncHandle):
    made = kind(INSTANCE, "ep", generation)
    made._link = (FakeRouter(), "target")
    return made


def last_call(made):
    return made._link[0].sent[-1][1]


def test_a_call_carries_data_and_keywords():
    h = handle()
    assert h.remote({"a": 1}, k=2) == "ref 1"
    assert last_call(h) == (
        "handle_plain",
        ("__call__", "serve_request", "GET", None, None),
        ({"a": 1},),
        {"k": 2},
        None,
    )


def test_a_call_through_an_async_handle_is_awaited():
    h = handle(kind=RayServeHandle)
    assert asyncio.run(h.remote(1)) == "ref 1"
    assert last_call(h).args == (1,)


def test_a_client_handle_takes_one_positional_argument():
    for generation in (V1_0, V1_2):
        for args, kwargs in (((1, 2), {}), ((1,), {"request_data": 2})):
            with pytest.raises(TypeError, match="one positional argument"):
                handle(generation).remote(*args, **kwargs)


@pytest.mark.parametrize(
    ("generation", "kind"),
    [(V1_2, RayServeSyncHandle), (V1_0, FirstHandle), (V1_0, RayServeSyncHandle)],
)
def test_a_client_handle_knows_the_arguments_old_name(generation, kind):
    h = handle(generation, kind)
    h.remote(request_data=5, k=1)
    assert (last_call(h).args, last_call(h).kwargs) == ((5,), {"k": 1})


def test_a_module_handle_passes_several_arguments_straight_on():
    h = handle(V1_4)
    h.remote(1, 2, c=3)
    assert (last_call(h).meta[1], last_call(h).args, last_call(h).kwargs) == ("raw", (1, 2), {"c": 3})
    h.remote(1)
    assert last_call(h).meta[1] == "serve_request"


def test_a_deployments_handle_passes_everything_straight_on():
    h = handle(DEPLOYMENT)
    h.remote()
    assert (last_call(h).meta[1], last_call(h).args) == ("raw", ())


def test_options_make_a_new_handle_and_merge():
    h = handle()
    sent = h.options(http_method="PUT").options(http_headers={"h": "1"}, shard_key="s", method_name="m")
    sent.remote()
    assert last_call(sent) == ("handle_request", ("m", "serve_request", "PUT", {"h": "1"}, "s"), (), {}, "s")
    h.remote()
    assert last_call(h).meta == ("__call__", "serve_request", "GET", None, None)


def test_a_call_without_options_goes_uses_a_method_that_needs_none():
    h = handle(V1_4)
    h.remote(1)
    assert last_call(h).actor_method == "handle_plain"
    h.remote(1, 2)
    assert last_call(h).actor_method == "handle_raw"
    h.options(queue_timeout_s=5).remote()
    assert last_call(h).actor_method == "handle_plain"
    for given in ({"shard_key": "s"}, {"method_name": "m"}, {"http_headers": {"a": "b"}}):
        h.options(**given).remote()
        assert last_call(h).actor_method == "handle_request"


def test_an_unknown_option_raises_type_error():
    with pytest.raises(TypeError):
        handle().options(colour="red")
    with pytest.raises(TypeError):
        handle().options("method")


def test_methods_are_attributes_of_deployments_handles_only():
    h = handle(DEPLOYMENT)
    h.predict.remote(1)
    assert last_call(h).meta[0] == "predict"
    for generation in (V1_2, V1_4):
        with pytest.raises(AttributeError, match="method_name='predict'"):
            handle(generation).predict  # noqa: B018 - the access itself raises


def test_how_long_a_call_waits_is_decided_by_generation_and_option():
    for generation, appear in ((V1_2, None), (V1_0, None), (V1_4, 5.0), (DEPLOYMENT, None)):
        h = handle(generation)
        h.remote()
        assert h._link[0].sent[-1][2:] == (QUEUE_TIMEOUT_S, appear)
    h = handle().options(queue_timeout_s=1.5)
    h.remote()
    assert h._link[0].sent[-1][2] == 1.5


@pytest.mark.parametrize("kind", [RayServeHandle, RayServeSyncHandle])
def test_a_pickled_handle_keeps_kind_generation_and_options(kind):
    copy = pickle.loads(pickle.dumps(handle(V1_4, kind).options(http_method="PATCH")))
    assert type(copy) is kind
    assert (copy._instance, copy._endpoint, copy._generation) == (INSTANCE, "ep", V1_4)
    assert copy._options == HandleOptions(http_method="PATCH")
    assert copy._link is None


def test_repr_names_the_endpoint_or_deployment():
    assert repr(handle()) == "RayServeSyncHandle(endpoint='ep')"
    assert repr(handle(kind=RayServeHandle)) == "RayServeHandle(endpoint='ep')"
    assert repr(handle(DEPLOYMENT)) == "RayServeSyncHandle(deployment='ep')"


def test_a_legacy_handle_to_a_deployment_offers_its_methods():
    h = RayServeSyncHandle(INSTANCE, "ep", V1_4, methods=("predict",))
    h._link = (FakeRouter(), "target")
    for copy in (h.predict, pickle.loads(pickle.dumps(h)).predict):
        copy._link = h._link
        copy.remote(1)
        assert last_call(h).meta[:2] == ("predict", "serve_request")
    with pytest.raises(AttributeError, match="method_name='nope'"):
        _ = h.nope
