import asyncio
import json
import logging

import pytest
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import PlainTextResponse, StreamingResponse

from legacy.config import BackendConfig
from legacy.generations import DEPLOYMENT, V0_8, V1_0, V1_4
from legacy.http.protocol import SCOPE_KEY, Connection
from legacy.replica import flask_request
from legacy.replica.app import ReplicaApp
from legacy.replica.call_context import WEB
from legacy.replica.invoke import Servable


class Counted:
    def __init__(self):
        self.outcomes = []

    def count(self, seconds, failed):
        self.outcomes.append(failed)


class Answer:
    """Collects what an app sends."""

    def __init__(self):
        self.status, self.headers, self.body, self.complete = 0, {}, b"", False

    async def send(self, message):
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], dict(message["headers"])
        else:
            self.body += message.get("body", b"")
            self.complete = not message.get("more_body", False)


def app_of(target, ceiling=10, debug=False):
    return ReplicaApp(Servable(target, "model", BackendConfig(), V1_4), Counted(), ceiling, debug)


def scope(*headers, call=b"m=&r=/r&p=", **more):
    last = [] if call is None else [(b"x-serve-call", call)]
    head = {"type": "http", "method": "GET", "path": "/r", "query_string": b"", "headers": [*headers, *last]}
    return {**head, **more}


async def ask(app, asked, body=b""):
    events = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive():
        return events.pop()

    answer = Answer()
    await app(asked, receive, answer.send)
    return answer


def get(target, *headers, **more):
    return asyncio.run(ask(app_of(target), scope(*headers, **more)))


def test_a_request_reaches_user_code_and_its_result_the_client():
    answer = get(lambda request: {"path": request.url.path, "root": request.scope["root_path"]})
    assert (answer.status, answer.complete) == (200, True)
    assert json.loads(answer.body) == {"path": "/r", "root": "/r"}


def test_path_parameters_come_from_the_proxy():
    assert get(lambda request: request.path_params["x"], call=b"m=&r=&p=%7B%22x%22%3A%22a%26b%22%7D").body == b"a&b"


def test_the_internal_header_is_not_shown_to_user_code():
    assert json.loads(get(lambda request: list(request.headers), (b"host", b"h")).body) == ["host"]


def test_a_handler_without_parameters_is_called_without():
    assert get(lambda: "hi").body == b"hi"


def test_the_body_is_read_before_a_sync_handler_runs():
    asked = scope((b"content-length", b"3"))
    assert asyncio.run(ask(app_of(lambda request: request._body), asked, b"abc")).body == b"abc"


class Two:
    def __call__(self, request):
        return "call"

    def other(self, request):
        return "other"

    def _hidden(self, request):
        return "hidden"


def test_the_proxy_names_the_method():
    assert get(Two(), call=b"m=other&r=&p=").body == b"other"


@pytest.mark.parametrize("name", ["nope", "_hidden", "__init__", "__class__"])
def test_methods_that_are_missing_or_private_are_a_500(name):
    answer = get(Two(), call=f"m={name}&r=&p=".encode())
    assert (answer.status, name.encode() in answer.body) == (500, True)


def test_clients_are_not_told_which_methods_there_are_and_the_log_is(caplog):
    with caplog.at_level(logging.ERROR, "ray.serve"):
        assert b"other" not in get(Two(), call=b"m=nope&r=&p=").body
    assert "Available methods: __call__, other" in caplog.text


def raises(request):
    raise KeyError("no-such-model")


def test_a_500_names_class_and_message_and_the_request():
    answer = get(raises, (b"x-request-id", b"abc"))
    assert answer.status == 500
    assert answer.body.startswith(b"KeyError: 'no-such-model'")
    assert answer.headers[b"x-request-id"] == b"abc"
    assert b"Traceback" not in answer.body


def test_the_traceback_is_logged_on_user_code_only_and_sent_in_debug_mode(caplog):
    with caplog.at_level(logging.ERROR, "ray.serve"):
        answer = asyncio.run(ask(app_of(raises, debug=True), scope(path="/r\r\nforged")))
    assert answer.body.startswith(b"Traceback")
    assert b"invoke.py" not in answer.body
    assert r"'/r\r\nforged'" in caplog.text
    assert "no-such-model" in caplog.text


class Application:
    """Raises in the middle of its answer, or behind it."""

    def __init__(self, more_body):
        self.more_body = more_body

    async def __serve_asgi__(self, scope, receive, send):
        await send({"type": "http.response.start", "status": 500, "headers": []})
        await send({"type": "http.response.body", "body": b"Internal", "more_body": self.more_body})
        raise KeyError("no-such-model")


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (raises, "request abc, GET '/serve/where/am/i' to 'Model', replica Model#xyz, failed"),
        (raises, "request abc, GET '/serve/where' to 'Model', replica Model#xyz, failed"),
        (Application(False), "request abc, GET '/serve/where/a' to 'Model', replica Model#xyz, failed"),
        (Application(True), "'/serve/where/a' to 'Model', replica Model#xyz, failed in the middle of its answer"),
    ],
)
def test_the_log_names_the_whole_path_the_deployment_and_the_replica(caplog, target, said):
    servable = Servable(target, "Model", BackendConfig(), DEPLOYMENT)
    metrics = Counted()
    app = ReplicaApp(servable, metrics, 10, False, "'Model', replica Model#xyz")
    asked = scope((b"x-request-id", b"abc"), call=b"m=&r=/serve/where&p=", path=said.split("'")[1])
    with caplog.at_level(logging.ERROR, "ray.serve"):
        asyncio.run(ask(app, asked))
    assert [record for record in caplog.records if record.getMessage().endswith(said)], caplog.text
    assert metrics.last_error == "KeyError: 'no-such-model'"


@pytest.mark.parametrize("result", [{1, 2}, object(), Request])
def test_a_result_that_is_not_json_is_a_500(result):
    assert get(lambda request: result).status == 500


def test_a_starlette_response_is_sent_as_it_is_and_its_background_task_runs():
    ran = []
    response = PlainTextResponse("made", 201, {"x-tag": "t"}, background=BackgroundTask(ran.append, 1))
    answer = get(lambda request: response)
    assert (answer.status, answer.body, answer.headers[b"x-tag"], ran) == (201, b"made", b"t", [1])


def test_a_stream_is_sent_piece_by_piece():
    async def pieces():
        for piece in ("a", "b"):
            seen.append(answer.body)
            yield piece

    answer, seen = Answer(), []
    asyncio.run(app_of(lambda request: StreamingResponse(pieces()))(scope(), None, answer.send))
    assert (seen, answer.body, answer.complete) == ([b"", b"a"], b"ab", True)


def test_a_stream_that_breaks_is_never_completed():
    async def pieces():
        yield "a"
        raise ValueError("half-way")

    app = app_of(lambda request: StreamingResponse(pieces()))
    answer = asyncio.run(ask(app, scope()))
    assert (answer.status, answer.body, answer.complete) == (200, b"a", False)
    assert app._metrics.outcomes == [True]


def test_a_stream_that_breaks_before_its_first_byte_is_a_500():
    class Broken(StreamingResponse):
        async def __call__(self, scope, receive, send):
            raise ValueError("at once")

    assert get(lambda request: Broken([])).status == 500


def test_a_request_that_is_not_from_a_proxy_is_refused():
    answer = get(lambda request: "ran", call=None)
    assert (answer.status, answer.headers[b"connection"]) == (400, b"close")


@pytest.mark.parametrize("state", ["draining", "full"])
def test_what_is_refused_runs_no_user_code_and_says_so(state):
    ran = []
    app = app_of(ran.append, ceiling=0 if state == "full" else 10)
    app.draining = state == "draining"
    answer = asyncio.run(ask(app, scope()))
    assert (answer.status, answer.headers[b"x-serve-refused"], ran) == (503, b"1", [])


def test_user_code_does_not_run_when_the_client_left_before_its_body_was_complete():
    ran = []

    async def receive():
        return {"type": "http.disconnect"}

    app, answer = app_of(ran.append), Answer()
    asyncio.run(app(scope((b"content-length", b"3")), receive, answer.send))
    assert (ran, answer.status, app.in_flight) == ([], 0, 0)


def cancelled(expired=False, lost=True):
    """An app whose only request is cancelled while user code waits."""

    async def waits(request):
        await asyncio.sleep(3600)

    async def scenario():
        app, answer, connection = app_of(waits), Answer(), Connection()
        task = asyncio.create_task(app(scope(**{SCOPE_KEY: connection}), None, answer.send))
        await asyncio.sleep(0)
        assert app.in_flight == 1
        app.expired, connection.lost = expired, lost
        task.cancel()
        await asyncio.wait([task])
        return task.cancelled(), answer, app.in_flight

    return asyncio.run(scenario())


def test_a_disconnect_cancels_user_code():
    was_cancelled, answer, in_flight = cancelled()
    assert (was_cancelled, answer.status, in_flight) == (True, 0, 0)


def test_a_request_that_outlives_the_drain_is_answered_with_the_reason():
    was_cancelled, answer, in_flight = cancelled(expired=True, lost=False)
    assert (was_cancelled, answer.status, in_flight) == (False, 503, 0)
    assert b"time to finish was up" in answer.body


def test_user_code_that_cancels_itself_is_a_500():
    _, answer, _ = cancelled(lost=False)
    assert (answer.status, answer.body.startswith(b"CancelledError")) == (500, True)


# ---- Ray 0.8-1.1


def early_app(target, generation):
    return ReplicaApp(Servable(target, "model", BackendConfig(), generation), Counted(), 10, False)


@pytest.mark.parametrize("generation", [V0_8, V1_0])
def test_handlers_up_to_1_1_get_flask_requests(generation):
    pytest.importorskip("werkzeug")
    app = early_app(lambda request: [request.args["a"], request.data.decode()], generation)
    answer = asyncio.run(ask(app, scope((b"content-length", b"4"), query_string=b"a=1"), b"body"))
    assert json.loads(answer.body) == ["1", "body"]


def test_a_handler_of_0_8_whose_request_has_a_default_gets_none():
    app = early_app(lambda request=None: f"{request} {WEB.get()}", V0_8)
    assert asyncio.run(ask(app, scope())).body == b"None True"


@pytest.mark.parametrize("generation", [V0_8, V1_0])
def test_a_handler_without_parameters_needs_no_flask_request(generation, monkeypatch):
    monkeypatch.setattr(flask_request, "is_available", lambda: False)
    assert asyncio.run(ask(early_app(lambda: "x", generation), scope())).body == b"x"


def test_without_werkzeug_the_answer_names_the_extra(monkeypatch):
    monkeypatch.setattr(flask_request, "is_available", lambda: False)
    flask_request._request_class.cache_clear()
    answer = asyncio.run(ask(early_app(lambda request: "x", V0_8), scope()))
    assert answer.status == 500
    assert b"pip install 'werkzeug>=" in answer.body
