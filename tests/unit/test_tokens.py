"""legacy.tokens: a cluster that is joined is asked first whether it lets somebody in without a token."""

from concurrent import futures

import grpc
import pytest

from legacy import tokens
from tests.ray.cluster import free_port


class Cluster(grpc.GenericRpcHandler):
    """Answers any question, or nobody who shows no token."""

    refusal = None

    def service(self, details):
        return grpc.unary_unary_rpc_method_handler(self._answer)

    def _answer(self, question, context):
        if self.refusal is not None:
            context.abort(self.refusal, "no")
        return b"an id"


@pytest.fixture
def place():
    server = grpc.server(futures.ThreadPoolExecutor(1))
    made = Cluster()
    server.add_generic_rpc_handlers([made])
    made.address = f"127.0.0.1:{server.add_insecure_port('0.0.0.0:0')}"  # Ray asks this machine's outer address
    server.start()
    yield made
    server.stop(None).wait()


@pytest.mark.parametrize(("refusal", "forgotten"), [(None, 1), (grpc.StatusCode.UNAUTHENTICATED, 0)])
def test_tokens_are_forgotten_for_a_cluster_without_them(monkeypatch, place, refusal, forgotten):
    place.refusal = refusal
    calls = []
    monkeypatch.setattr("legacy.cluster.forget_tokens", lambda: calls.append(1))
    tokens.forget_for(place.address)
    tokens.forget_for("local")  # a new one, for which Ray decides
    assert len(calls) == forgotten


def test_a_proxy_of_the_machine_is_not_asked(monkeypatch, place):
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    assert tokens.lets_everybody_in(place.address)


@pytest.mark.parametrize("address", ["127.0.0.1", 5])
def test_what_is_wrong_with_an_address_says_ray(address):
    tokens.forget_for(address)


def test_an_address_of_rays_client_in_the_environment_is_no_error(monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "ray://127.0.0.1:10001")
    tokens.forget_for(None)


def test_where_nobody_answers_tokens_stay():
    assert not tokens.lets_everybody_in(f"127.0.0.1:{free_port()}")
