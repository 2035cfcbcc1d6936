"""The helpers that the deployment stage writes."""

import pytest

from serve_compat.migrate.deployment.write.handle_calls import request_class
from serve_compat.migrate.deployment.write.http_methods import wrapper_code


@pytest.mark.parametrize(
    "kinds", [{"class"}, {"async class"}, {"function"}, {"async function"}, {""}, {"class", "function"}]
)
def test_every_form_of_the_wrapper_refuses_and_asks_the_handler(kinds):
    import asyncio
    import inspect

    class Request:
        method = "GET"

    given = {"Request": Request, "Response": lambda text, status_code: status_code, "inspect": inspect}
    exec(wrapper_code(kinds), given)

    def plain(request):
        return "fine"

    async def waits(request):
        return "fine"

    is_async, is_class = any("async" in each for each in kinds), "class" in next(iter(kinds))
    answer = waits if is_async else plain
    served = type("Served", (), {"__call__": lambda self, request: answer(request)}) if is_class else answer
    results = []
    for methods in (("GET", "POST"), ("POST",)):
        wrapped = given["only_methods"](served, *methods)
        result = (wrapped() if is_class else wrapped)(Request())
        results.append(asyncio.run(result) if inspect.isawaitable(result) else result)
    assert results == ["fine", 405]


def test_the_class_of_requests_has_what_is_asked_of_it():
    given = {}
    exec(request_class({"data", "query", "json", "method"}), given)
    request = given["HandleRequest"]({"x": 1}, query={"y": 2}, method="POST")
    with pytest.raises(StopIteration) as done:
        request.json().send(None)
    assert (done.value.value, request.query_params, request.method) == ({"x": 1}, {"y": 2}, "POST")
    assert not hasattr(request, "headers")
