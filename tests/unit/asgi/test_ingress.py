"""`@serve.ingress` from decoration to answer, through a pickle as on the way to a replica; no Ray."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator

import pytest

from legacy.errors import RayServeException
from legacy.replica.code import construct, load
from legacy.replica.code_pickle import pickled
from serve_compat.asgi.ingress import ingress

fastapi = pytest.importorskip("fastapi")
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request, WebSocket  # noqa: E402
from fastapi.routing import APIRoute  # noqa: E402
from pydantic import BaseModel  # noqa: E402
from starlette.applications import Starlette  # noqa: E402
from starlette.middleware.cors import CORSMiddleware  # noqa: E402
from starlette.responses import PlainTextResponse  # noqa: E402
from starlette.routing import Route  # noqa: E402


class Served:
    """A decorated class as it lives in a replica, which got the class itself or its code."""

    def __init__(self, cls, *args):
        code = asyncio.run(load(cls if isinstance(cls, bytes) else pickled(cls, args, {})))
        self._made = asyncio.run(construct(code))

    def get(self, target, method="GET", body=b""):
        return asyncio.run(self._ask(target, method, body))

    def json(self, target, **more):
        return json.loads(self.get(target, **more)[1])

    def post(self, target, value):
        return self.get(target, "POST", json.dumps(value).encode())

    async def _ask(self, target, method, body):
        path, _, query = target.partition("?")
        scope = {"type": "http", "method": method, "path": "/p" + path, "root_path": "/p", "http_version": "1.1"}
        scope["asgi"] = {"version": "3.0", "spec_version": "2.4"}
        headers = [(b"host", b"shop"), (b"content-type", b"application/json")]
        scope |= {"query_string": query.encode(), "headers": headers}
        events, sent = [{"type": "http.request", "body": body}], []

        async def receive():
            return events.pop()

        async def send(message):
            sent.append(message)

        await self._made.__serve_startup__()
        try:
            await self._made.__serve_asgi__(scope, receive, send)
        finally:
            await self._made.__serve_shutdown__()
        return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:])

    async def talk(self, path):
        sent = []

        async def receive():
            return {"type": "websocket.connect"}

        async def send(message):
            sent.append(message.get("text", message["type"]))

        scope = {"type": "websocket", "path": path, "root_path": "", "query_string": b"", "headers": []}
        await self._made.__serve_startup__()
        await self._made.__serve_asgi__(scope, receive, send)
        return sent


class Item(BaseModel):
    name: str
    price: float = 1.0


def common(limit: int = 10):
    return {"limit": limit}


def shop():
    app = FastAPI()

    @ingress(app)
    class Shop:
        def __init__(self, offset=100):
            self.offset = offset

        @app.get("/calc/{a}")
        def calc(self, a: int, b: int = 0):
            return a + b + self.offset

        @app.post("/items")
        async def add(self, item: Item, other: Item) -> Item:
            return Item(name=item.name + other.name)

        @app.get("/limit")
        def limited(self, params: dict = Depends(common)):  # noqa: B008
            return {**params, "late": defined_below()}

        @app.get("/refuse")
        def refuse(self):
            raise HTTPException(418, "teapot")

        @app.get("/same")
        @app.post("/same")
        def same(self):
            return super().__class__.__name__

        @app.websocket("/ws")
        async def chat(self, socket: WebSocket):
            await socket.accept()
            await socket.send_text(f"offset {self.offset}")
            await socket.close()

    return Shop


def defined_below():
    return "seen"


def test_methods_are_routes_whose_self_is_the_instance():
    assert Served(shop()).json("/calc/1?b=2") == 103
    assert Served(shop(), 5).json("/calc/1") == 6


def test_bodies_dependencies_and_response_models_work():
    served = Served(shop())
    assert served.post("/items", {"item": {"name": "a"}, "other": {"name": "b"}}) == (200, b'{"name":"ab","price":1.0}')
    assert served.post("/items", {"item": {}})[0] == 422
    assert served.json("/limit?limit=3") == {"limit": 3, "late": "seen"}
    assert served.get("/refuse") == (418, b'{"detail":"teapot"}')


def test_one_method_for_two_verbs():
    assert [Served(shop()).get("/same", method)[0] for method in ("GET", "POST")] == [200, 200]


@pytest.mark.skipif("stream_item_type" not in APIRoute.__annotations__, reason="this FastAPI has no generator routes")
def test_a_generator_is_a_stream_of_items():
    app = FastAPI()

    @ingress(app)
    class D:
        @app.get("/")
        async def items(self) -> AsyncIterator[Item]:
            for name in "ab":
                yield Item(name=name)

    assert Served(D).get("/") == (200, b'{"name":"a","price":1.0}\n{"name":"b","price":1.0}\n')


def test_a_websocket_route_gets_the_instance_too():
    assert asyncio.run(Served(shop()).talk("/ws")) == ["websocket.accept", "offset 100", "websocket.close"]


def test_the_docs_know_the_prefix():
    document = Served(shop()).json("/openapi.json")
    assert document["servers"] == [{"url": "/p"}]
    assert sorted(document["paths"]) == ["/calc/{a}", "/items", "/limit", "/refuse", "/same"]
    assert Served(shop()).get("/docs")[0] == 200
    names = [one["name"] for one in document["paths"]["/calc/{a}"]["get"]["parameters"]]
    assert names == ["a", "b"]


@pytest.mark.parametrize("wrap", [lambda app: app, lambda app: CORSMiddleware(app, allow_origins=["*"])])
def test_an_app_with_a_root_path_of_its_own_is_served_below_any_prefix(wrap):
    app = FastAPI()
    app.root_path = "/public"  # as FastAPI(root_path=...) does, of which newer releases warn

    @app.get("/x")
    def x(request: Request):
        return [request.url.path, str(request.url_for("x")), request.scope["root_path"]]

    @ingress(wrap(app))
    class View:
        pass

    assert Served(View).json("/x") == ["/public/x", "http://shop/public/x", "/public"]


def test_the_method_itself_stays_as_it_is():
    assert shop()(1).calc(2, b=3) == 6


def test_routers_sub_applications_and_free_functions_stay():
    app, router, inner = FastAPI(), APIRouter(), FastAPI()
    router.get("/leaf")(lambda: "router")
    inner.get("/leaf")(lambda: "inner")
    app.include_router(router, prefix="/branch")
    app.mount("/inner", inner)

    @ingress(app)
    class Tree:
        pass

    assert (Served(Tree).json("/branch/leaf"), Served(Tree).json("/inner/leaf")) == ("router", "inner")


def test_what_happens_to_the_app_later_has_no_effect():
    app = FastAPI()

    @ingress(app)
    class Early:
        @app.get("/one")
        def one(self):
            return 1

    app.get("/late")(lambda: 2)
    assert (Served(Early).get("/one")[0], Served(Early).get("/late")[0]) == (200, 404)


def test_two_classes_on_one_app_keep_to_their_own_routes():
    app = FastAPI()

    @ingress(app)
    class A:
        @app.get("/a")
        def get(self):
            return "a"

    @ingress(app)
    class B:
        @app.get("/b")
        def get(self):
            return "b"

    assert (Served(A).json("/a"), Served(B).json("/b"), Served(B).get("/a")[0]) == ("a", "b", 404)


def test_routes_of_a_base_class_are_the_classes_own():
    app = FastAPI()

    class Base:
        @app.get("/")
        def get(self):
            return self.who()

    @ingress(app)
    class Child(Base):
        def who(self):
            return "child"

    assert Served(Child).json("/") == "child"


def test_a_router_alone_is_an_application():
    router = APIRouter()

    @ingress(router)
    class Alone:
        @router.get("/x")
        def get(self, n: int):
            raise HTTPException(409, f"{n}")

    assert (Served(Alone).get("/x?n=1")[0], Served(Alone).get("/x?n=a")[0]) == (409, 422)


def test_middlewares_handlers_and_startup_events_come_along():
    app = FastAPI()
    log = []

    @app.middleware("http")
    async def mark(request, call_next):
        log.append("middleware")
        return await call_next(request)

    @app.exception_handler(KeyError)
    async def handle(request, error):
        return PlainTextResponse("handled", 410)

    @ingress(app)
    class D:
        @app.get("/")
        def get(self):
            raise KeyError("x")

    assert Served(D).get("/") == (410, b"handled")


def test_starlette_and_bare_applications_are_taken_as_well():
    async def bare(scope, receive, send):
        if scope["type"] == "http":
            await PlainTextResponse("bare " + scope["root_path"])(scope, receive, send)

    async def page(request):
        return PlainTextResponse("starlette")

    for app, text in ((bare, b"bare /p"), (Starlette(routes=[Route("/", page)]), b"starlette")):
        assert Served(ingress(app)(type("D", (), {}))).get("/") == (200, text)


def test_the_class_keeps_its_name_and_methods():
    assert (shop().__name__, shop().__module__, shop().__qualname__) == ("Shop", __name__, "shop.<locals>.Shop")


@pytest.mark.parametrize(
    ("target", "text"),
    [(lambda: 1, "must be used with a class"), (type("D", (), {"__call__": len}), "has a __call__ method")],
)
def test_only_classes_without_call_are_decorated(target, text):
    with pytest.raises(ValueError, match=text):
        ingress(FastAPI())(target)


def test_a_route_without_self_is_refused_while_decorating():
    app = FastAPI()
    with pytest.raises(RayServeException, match="add self"):

        @ingress(app)
        class D:
            @app.get("/")
            def get():
                return 1


def test_without_fastapi_other_applications_work():
    code = "import sys; sys.modules['fastapi'] = None\nfrom serve_compat.asgi.ingress import ingress\n"
    code += "async def app(scope, receive, send): pass\n@ingress(app)\nclass D: pass\nprint(D.__name__)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "D\n"
