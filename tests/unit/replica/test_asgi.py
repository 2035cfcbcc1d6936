"""Classes that are ASGI applications, and paths of deployments, in a replica's app."""

import asyncio
import pickle

import pytest

from legacy.config import BackendConfig
from legacy.generations import DEPLOYMENT, DEPLOYMENT_1_4, V1_4
from legacy.replica.app import ReplicaApp
from legacy.replica.invoke import Servable
from tests.unit.replica.test_app import Answer, Counted, ask, scope

CALL = b"m=&r=/serve/where&p="


class Application:
    """What `@serve.ingress` makes of a class, without FastAPI."""

    def __init__(self):
        self.log = []

    async def __serve_startup__(self):
        self.log.append("startup")

    async def __serve_asgi__(self, scope, receive, send):
        self.log.append((scope["type"], scope["root_path"], scope["path"]))
        if scope["type"] == "websocket":
            return
        if scope["path"].endswith("/raise"):
            raise KeyError("before the first byte")
        await send({"type": "http.response.start", "status": 202, "headers": []})
        if scope["path"].endswith("/half"):
            raise KeyError("half-way")
        await send({"type": "http.response.body", "body": b"asgi"})

    async def __serve_shutdown__(self):
        self.log.append("shutdown")
        raise RuntimeError("shutdown failed")

    def method(self, request):
        return "method"

    def __del__(self):
        if hasattr(self, "log"):
            self.log.append("del")


def app_of(target, generation=DEPLOYMENT):
    return ReplicaApp(Servable(target, "model", BackendConfig(), generation), Counted(), 10, False)


def get(target, path, generation=DEPLOYMENT, call=CALL):
    return asyncio.run(ask(app_of(target, generation), scope(call=call, path=path)))


def test_an_asgi_class_gets_the_request_as_the_server_made_it():
    target = Application()
    answer = get(target, "/serve/where/am/i")
    assert (answer.status, answer.body) == (202, b"asgi")
    assert target.log == [("http", "/serve/where", "/serve/where/am/i")]


@pytest.mark.parametrize("generation", [V1_4, DEPLOYMENT_1_4, DEPLOYMENT])
def test_the_call_method_header_does_not_walk_around_the_routes_of_an_application(generation):
    answer = get(Application(), "/serve/where", generation, call=b"m=method&r=/serve/where&p=")
    assert (answer.status, answer.body) == (202, b"asgi")


@pytest.mark.parametrize(("path", "status", "complete"), [("/raise", 500, True), ("/half", 202, False)])
def test_an_asgi_class_that_raises_is_a_500_or_half_an_answer(path, status, complete):
    answer = get(Application(), path)
    assert (answer.status, answer.complete) == (status, complete)


def test_startup_shutdown_and_destructor_run_in_order_whatever_they_raise():
    class Once(Application):  # `destroy` takes the destructor off the class
        pass

    async def live(target):
        servable = Servable(target, "model", BackendConfig(), DEPLOYMENT)
        await servable.start()
        await servable.destroy()

    target = Once()
    asyncio.run(live(target))
    assert target.log == ["startup", "shutdown", "del"]


def where(request):
    return [request.scope["root_path"], request.scope["path"], request.url.path]


@pytest.mark.parametrize(
    ("generation", "call", "path", "expected"),
    [
        (DEPLOYMENT, CALL, "/serve/where/am/i", ["/serve/where", "/am/i", "/serve/where/am/i"]),
        (DEPLOYMENT, CALL, "/serve/where", ["/serve/where", "", "/serve/where"]),
        (DEPLOYMENT, b"m=&r=&p=", "/all", ["", "/all", "/all"]),
        (V1_4, CALL, "/serve/where/am/i", ["/serve/where", "/serve/where/am/i", "/serve/where/am/i"]),
    ],
)
def test_handlers_of_deployments_see_the_path_below_their_route(generation, call, path, expected):
    seen = []
    get(lambda request: seen.append(where(request)), path, generation, call)
    assert seen == [expected]


def test_a_request_that_is_sent_on_keeps_its_url():
    seen = []
    get(lambda request: seen.append(pickle.loads(pickle.dumps(request))), "/serve/where/x")
    assert where(seen[0]) == ["/serve/where", "/x", "/serve/where/x"]


def talk(target, draining=False, **more):
    app, answer = app_of(target), Answer()
    app.draining = draining
    sent = []

    async def send(message):
        sent.append(message)

    asked = scope(**{"call": CALL, "path": "/serve/where/ws", **more})
    asked["type"] = "websocket"
    asyncio.run(app(asked, None, send))
    assert app.in_flight == 0
    return sent, answer


def test_an_asgi_class_is_given_websockets():
    target = Application()
    talk(target)
    assert target.log == [("websocket", "/serve/where", "/serve/where/ws")]


@pytest.mark.parametrize(
    ("target", "more", "status"),
    [(Application(), {"draining": True}, 503), (Application(), {"call": None}, 400), (where, {}, 400)],
)
def test_a_websocket_is_declined_with_an_ordinary_answer(target, more, status):
    sent, _ = talk(target, **more)
    assert [message["type"] for message in sent] == ["websocket.http.response.start", "websocket.http.response.body"]
    assert sent[0]["status"] == status


@pytest.mark.parametrize("generation", [DEPLOYMENT, V1_4])
def test_reconfigure_of_a_deployment_never_overlaps_a_request(generation):
    class Model:
        def __init__(self):
            self.log = []

        async def __call__(self, request):
            self.log.append("request begins")
            await asyncio.sleep(0.02)
            self.log.append("request ends")

        async def reconfigure(self, config):
            self.log.append("reconfigure")

    async def scenario():
        model = Model()
        servable = Servable(model, "model", BackendConfig(), generation)
        request = asyncio.create_task(servable.call("__call__", (1,), {}))
        await asyncio.sleep(0)
        await asyncio.gather(request, servable.configure(BackendConfig(user_config={"a": 1})))
        return model.log

    log = asyncio.run(scenario())
    alone = ["request begins", "request ends", "reconfigure"]
    assert (log == alone) == (generation is DEPLOYMENT)
