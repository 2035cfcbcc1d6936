"""FastAPI behind `@serve.ingress`, through the proxy."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import ray
import requests
from websockets.sync.client import connect

import serve_compat as serve

pytestmark = pytest.mark.usefixtures("instance")

fastapi = pytest.importorskip("fastapi")
from fastapi import APIRouter, BackgroundTasks, FastAPI, Request, WebSocket  # noqa: E402
from starlette.responses import StreamingResponse  # noqa: E402


def counter(log):
    app = FastAPI(on_startup=[lambda: log.add("startup")], on_shutdown=[lambda: log.add("shutdown")])

    @serve.deployment(name="counter", route_prefix="/count", version="v1", user_config={"step": 1})
    @serve.ingress(app)
    class Counter:
        def __init__(self):
            log.add("init")
            self.count = 0

        def reconfigure(self, config):
            self.step = config["step"]

        @app.get("/")
        async def get(self, request: Request):
            return {"count": self.count, "path": request.url.path, "root": request.scope["root_path"]}

        @app.get("/who")
        def who(self, request: Request):
            return [request.client.host, str(request.url_for("who"))]

        @app.post("/add")
        def add(self, by: int = 1):
            self.count += by * self.step
            return self.count

        @app.get("/stream")
        async def stream(self):
            async def pieces():
                for number in range(3):
                    yield f"{number};"
                    await asyncio.sleep(0.3)

            return StreamingResponse(pieces())

        @app.get("/later")
        def later(self, tasks: BackgroundTasks):
            tasks.add_task(log.add, "background")
            return "accepted"

        @app.get("/never")
        async def never(self):
            log.add("never begins")
            try:
                await asyncio.sleep(3600)
            finally:
                log.add("never ends")

        @app.get("/raise")
        def fail(self):
            raise KeyError("x")

        @app.websocket("/chat")
        async def chat(self, socket: WebSocket):
            await socket.accept()
            async for text in socket.iter_text():
                await socket.send_text(f"{self.step} {text}")

        def __del__(self):
            log.add("del")

    return Counter


def until(condition):
    deadline = time.monotonic() + 15
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_class_based_view_is_served_below_its_prefix(instance, log):
    counter(log).deploy()
    assert instance.get("/count/").json() == {"count": 0, "path": "/count/", "root": "/count"}
    assert requests.post(instance.url + "/count/add?by=4", timeout=10).json() == 4
    assert requests.post(instance.url + "/count/add?by=x", timeout=10).status_code == 422
    assert instance.get("/count/raise").status_code == 500
    assert "/count/openapi.json" in instance.get("/count/docs").text
    assert ray.get(counter(log).get_handle().add.remote(by=3)) == 7
    assert instance.get("/count/who").json() == ["127.0.0.1", instance.url + "/count/who"]
    told = {"Host": "shop.example", "X-Forwarded-For": "9.9.9.9", "X-Forwarded-Proto": "https"}
    assert instance.get("/count/who", headers=told).json() == ["9.9.9.9", "https://shop.example/count/who"]
    assert instance.get("/count/who", headers=told, params={"a": "a" * 61440}).status_code == 200


def test_startup_and_shutdown_events_surround_the_life_of_the_instance(log):
    made = counter(log)
    made.deploy()
    assert log.lines() == ["init", "startup"]
    made.delete()
    assert log.lines() == ["init", "startup", "shutdown", "del"]


def test_a_failing_startup_event_fails_the_deployment():
    def broken():
        raise OSError("no database")

    @serve.deployment
    @serve.ingress(FastAPI(on_startup=[broken]))
    class D:
        pass

    with pytest.raises(RuntimeError, match="no database"):
        D.deploy()


def test_a_stream_arrives_piece_by_piece_and_background_tasks_run(instance, log):
    counter(log).deploy()
    with instance.get("/count/stream", stream=True) as answer:
        began = time.monotonic()
        arrived = [(piece, time.monotonic() - began) for piece in answer.iter_content(None)]
    assert b"".join(piece for piece, _ in arrived) == b"0;1;2;"
    assert len(arrived) == 3
    assert arrived[0][1] < 0.3
    assert instance.get("/count/later").json() == "accepted"
    until(lambda: "background" in log.lines())


def test_a_client_that_leaves_cancels_the_view(instance, log):
    counter(log).deploy()
    with pytest.raises(requests.exceptions.ReadTimeout):
        requests.get(instance.url + "/count/never", timeout=0.5)
    until(lambda: "never ends" in log.lines())


def test_websockets_reach_the_class(instance, log):
    counter(log).deploy()
    with connect(instance.url.replace("http", "ws") + "/count/chat") as socket:
        socket.send("hello")
        assert socket.recv(10) == "1 hello"
        counter(log).options(user_config={"step": 2}).deploy()
        socket.send("again")
        assert socket.recv(10) == "2 again"


def test_requests_that_run_finish_when_the_version_changes(instance, log):
    made = counter(log)
    made.deploy()
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(lambda: instance.get("/count/stream").text)
        time.sleep(0.2)
        made.options(version="v2").deploy()
        assert running.result() == "0;1;2;"
    assert log.lines().count("del") == 1


def test_the_app_that_the_program_names_is_the_one_that_serves(instance):
    app, router = FastAPI(on_startup=[lambda: setattr(app.state, "started", "yes")]), APIRouter()

    @router.get("/state")
    def state(request: Request):
        return [request.app.state.started, app.state.made, len(app.routes) > 1]

    app.include_router(router)

    @serve.deployment(name="named", route_prefix="/named")
    @serve.ingress(app)
    class Named:
        def __init__(self, given):
            given.state.made = "here"

    Named.deploy(app)
    assert instance.get("/named/state").json() == ["yes", "here", True]
