import pickle

import pytest

from legacy.errors import RayServeException
from legacy.replica.keywords import Asked, NoRequest, batch_arguments


def by_handle(**kwargs):
    return Asked((NoRequest(),), kwargs, False)


def over_http(request):
    return Asked((request,), {}, True)


def test_every_keyword_becomes_a_list():
    (requests,), kwargs = batch_arguments([by_handle(x=1), by_handle(x=2)], takes_requests=True)
    assert kwargs == {"x": [1, 2]}
    assert len(requests) == 2


def test_requests_become_a_list():
    assert batch_arguments([over_http("a"), over_http("b")], takes_requests=True) == ((["a", "b"],), {})


def test_a_handler_without_positional_parameters_gets_keywords_only():
    assert batch_arguments([by_handle(x=1)], takes_requests=False) == ((), {"x": [1]})


def test_http_and_handle_calls_do_not_go_together():
    with pytest.raises(RayServeException, match="HTTP requests and handle calls"):
        batch_arguments([by_handle(x=1), over_http("a")], takes_requests=True)


def test_the_request_of_a_handle_call_has_nothing_to_read():
    request = NoRequest()
    with pytest.raises(RayServeException, match=r"request.args was used .* serve.context.web"):
        request.args  # noqa: B018
    with pytest.raises(RayServeException, match=r"request.x was used"):
        request.x = 1


def test_the_request_of_a_handle_call_can_be_sent_on():
    assert isinstance(pickle.loads(pickle.dumps(NoRequest())), NoRequest)
