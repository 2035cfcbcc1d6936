import asyncio
import pickle
from collections import deque

import pytest
from starlette.requests import ClientDisconnect, Request

from legacy.errors import RayServeException
from legacy.http.protocol import SCOPE_KEY
from legacy.replica import messages
from legacy.replica.messages import HTTPRequest, ServeMultiDict, ServeRequest


class Odd:
    pass


def test_query_params_of_a_handle_call_keep_python_types():
    params = ServeMultiDict({"k": [1, 2]})
    assert (params["k"], params.getlist("k"), params.getlist("none"), dict(params)) == (
        [1, 2],
        [1, 2],
        [],
        {"k": [1, 2]},
    )


def scope(**more):
    return {
        "type": "http",
        "method": "POST",
        "path": "/r",
        "raw_path": b"/r",
        "root_path": "/r",
        "query_string": b"a=1&a=2",
        "headers": [(b"content-type", b"application/json"), (b"host", b"h")],
        **more,
    }


def request_of(*events, **more):
    waiting = deque(events)

    async def receive():
        return waiting.popleft()

    return HTTPRequest(scope(**more), receive)


def chunk(body, more=False):
    return {"type": "http.request", "body": body, "more_body": more}


def test_a_request_travels_with_its_body_and_arrives_as_a_request():
    request = request_of(chunk(b'{"x":', more=True), chunk(b"1}"), path_params={"t": "5"}, **{SCOPE_KEY: Odd()})
    asyncio.run(request.read(7))
    copy = pickle.loads(pickle.dumps(request))
    assert isinstance(copy, Request)
    assert asyncio.run(copy.json()) == {"x": 1}
    assert (copy.url.path, copy.query_params.getlist("a"), copy.path_params) == ("/r", ["1", "2"], {"t": "5"})
    assert SCOPE_KEY not in copy.scope


def test_a_buffered_body_can_be_read_twice():
    request = request_of(chunk(b"[1]"))

    async def twice():
        await request.read(3)
        return await request.body(), await request.json(), await request.body()

    assert asyncio.run(twice()) == (b"[1]", [1], b"[1]")


def test_a_chunked_body_that_is_short_enough_is_buffered():
    request = request_of(chunk(b"a", more=True), chunk(b"", more=True), chunk(b"b"))
    asyncio.run(request.read(None))
    assert request._body == b"ab"


def test_a_chunked_body_that_turns_out_long_streams_from_its_beginning(monkeypatch):
    monkeypatch.setattr(messages, "WHOLE_BYTES", 3)
    request = request_of(chunk(b"ab", more=True), chunk(b"cd", more=True), chunk(b"ef", more=True), chunk(b"g"))

    async def stream():
        await request.read(None)
        return [part async for part in request.stream()]

    assert asyncio.run(stream()) == [b"abcd", b"ef", b"g", b""]


def test_a_long_body_of_known_length_is_not_read_ahead_and_cannot_travel():
    request = request_of()
    asyncio.run(request.read(messages.WHOLE_BYTES + 1))
    with pytest.raises(RayServeException, match=r"await request\.body\(\)"):
        pickle.dumps(request)


def test_half_a_body_never_reaches_user_code():
    request = request_of(chunk(b"ab", more=True), {"type": "http.disconnect"})
    with pytest.raises(ClientDisconnect):
        asyncio.run(request.read(4))


def test_programs_see_starlettes_class_of_requests():
    request = messages.rebuild(scope(), b"[1]")
    assert (str(type(request)), type(request).__name__) == ("<class 'starlette.requests.Request'>", "Request")
    assert asyncio.run(pickle.loads(pickle.dumps(request)).json()) == [1]


@pytest.mark.parametrize("name", ["args", "data", "files", "get_json"])
def test_an_attribute_of_flasks_requests_names_the_era_that_has_it(name):
    for request in (HTTPRequest(scope()), ServeRequest()):
        with pytest.raises(AttributeError, match=rf"{name}.*--era 1\.0"):
            getattr(request, name)


def test_another_missing_attribute_is_an_ordinary_error():
    with pytest.raises(AttributeError) as caught:
        HTTPRequest(scope()).nonsense  # noqa: B018
    assert "--era" not in str(caught.value)


@pytest.mark.parametrize(
    "use", [lambda r: r.json["x"], lambda r: r.form.get("x"), lambda r: "x" in r.json, lambda r: list(r.form)]
)
def test_json_and_form_used_as_values_name_the_era_in_which_they_were(use):
    with pytest.raises(AttributeError, match=r"--era 1\.0"):
        use(HTTPRequest(scope()))


def test_json_and_form_are_starlettes_when_called():
    request = messages.rebuild(scope(headers=[]), b'{"x": 1}')
    assert asyncio.run(request.json()) == {"x": 1}

    async def form():
        async with request.form() as read:
            return dict(read)

    assert asyncio.run(form()) == {}
