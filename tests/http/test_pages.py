"""What the proxy answers by itself: its own pages, misses, redirects; and what the replica is told of the routing."""

from __future__ import annotations

import asyncio
import json
import socket
from urllib.parse import parse_qsl

import pytest

from legacy.generations import DEPLOYMENT, DEPLOYMENT_1_4, V1_4, V2_3
from legacy.http.head import Header
from legacy.ingress.front import bind
from legacy.records import Endpoint, Update
from tests.http.stage import METHODS, Seen, Stage, stage
from tests.http.wire import Response, read_response


async def ask(made: Stage, method: str, target: str, *headers: str) -> Response:
    reader, writer = await made.connect()
    lines = [f"{method} {target} HTTP/1.1", "Host: proxy:8000", *headers, "Connection: close", "", ""]
    writer.write("\r\n".join(lines).encode("latin-1"))
    response = await asyncio.wait_for(read_response(reader, method), 5)
    writer.close()
    assert response is not None
    return response


def answer(method: str, target: str, *headers: str, **options: object) -> Response:
    async def play() -> Response:
        async with stage(**options) as made:
            return await ask(made, method, target, *headers)

    return asyncio.run(play())


def told(method: str, target: str, *headers: str, **options: object) -> tuple[Seen, dict[str, str]]:
    async def play() -> Seen:
        async with stage(**options) as made:
            await ask(made, method, target, *headers)
            return made.seen[0]

    seen = asyncio.run(play())
    name, value = seen.headers[-1]
    assert name == b"x-serve-call"
    return seen, dict(parse_qsl(value.decode(), keep_blank_values=True))


def test_the_route_table_is_json():
    response = answer("GET", "/-/routes")
    assert (response.status, response.get("content-type")) == (200, "application/json")
    assert json.loads(response.body)["/p"] == "prefix"


def test_health_and_unknown_system_paths():
    assert answer("GET", "/-/healthz").body == b"success"
    assert answer("GET", "/-/none").status == 404


@pytest.mark.parametrize(("route", "target"), [("/-/own", "/-/own/below"), ("/-/own", "/-/own"), ("/", "/-/own")])
def test_a_route_beside_the_system_paths_is_a_deployments(route, target):
    async def play() -> int:
        async with stage() as made:
            own = Endpoint("own", route, METHODS, {"b": 1.0}, generation=DEPLOYMENT)
            made.router.apply(Update("epoch", 2, False, {"own": own}))
            assert (await ask(made, "GET", "/-/healthz")).body == b"success"
            return (await ask(made, "GET", target)).status

    assert asyncio.run(play()) == 200


@pytest.mark.parametrize("version", ["1.1", "1.0"])
def test_the_host_of_an_absolute_target_is_the_requests_host(version):
    async def play() -> Seen:
        async with stage() as made:
            reader, writer = await made.connect()
            host = "Host: other\r\n" if version == "1.1" else ""
            writer.write(f"GET http://Shop:81/echo?a=http://x/ HTTP/{version}\r\nA: b\r\n{host}\r\n".encode())
            await asyncio.wait_for(read_response(reader), 5)
            writer.close()
            return made.seen[0]

    seen = asyncio.run(play())
    assert seen.target == b"/echo?a=http://x/"
    assert [value for name, value in seen.headers if name == b"host"] == [b"Shop:81"]


def test_an_unknown_path_is_404_with_a_hint():
    response = answer("GET", "/none%0d%0aX:1")
    text = rb"Path '/none\r\nX:1' not found. Please ping http://.../-/routes for route table."
    assert (response.status, response.body) == (404, text)
    assert response.get("content-type") == "text/plain; charset=utf-8"


def test_a_wrong_method_is_405_and_names_the_right_ones():
    response = answer("PUT", "/few")
    text = b"Methods PUT not allowed. Available HTTP methods are ['GET']."
    assert (response.status, response.body, response.get("allow")) == (405, text, "GET")


def test_a_slash_too_many_is_redirected_with_its_query():
    response = answer("GET", "/t/5/?a=%20b")
    assert (response.status, response.get("location")) == (307, "/t/5?a=%20b")


def test_the_replica_is_told_the_root_path_of_a_prefix():
    seen, call = told("GET", "/p/below?q=1")
    assert (seen.target, call) == (b"/p/below?q=1", {"m": "", "r": "/p", "p": ""})


def test_the_replica_is_told_the_fields_of_a_template():
    _, call = told("GET", "/t/5")
    assert (call["r"], json.loads(call["p"])) == ("/t/5", {"x": 5})


def test_the_call_method_header_is_passed_in_the_call_line():
    seen, call = told("GET", "/echo", "X-Serve-Call-Method: other&m=evil")
    assert call["m"] == "other&m=evil"
    assert b"x-serve-call-method" not in dict(seen.headers)


@pytest.mark.parametrize(("generation", "sides"), [(V1_4, 1), (DEPLOYMENT_1_4, 1), (DEPLOYMENT, 2), (V2_3, 2)])
def test_a_shard_key_chooses_the_side_of_a_split_only_in_the_generations_that_knew_it(generation, sides):
    async def play() -> set[str]:
        async with stage(shadows={"s": 0.0}) as made:
            split = Endpoint("split", "/split", METHODS, {"b": 0.5, "s": 0.5}, generation=generation)
            made.router.apply(Update("epoch", 2, False, {"split": split}))
            for _ in range(20):
                await ask(made, "GET", "/split", "X-Serve-Shard-Key: Ada")
            return {seen.replica for seen in made.seen}

    assert len(asyncio.run(play())) == sides


def test_a_root_path_stands_in_front_of_every_route():
    _, call = told("GET", "/serve/p/x", root_path="/serve")
    assert call["r"] == "/serve/p"
    assert answer("GET", "/p/x", root_path="/serve").status == 404
    assert answer("GET", "/serve/-/healthz", root_path="/serve").status == 200
    assert answer("GET", "/serve/t/5/", root_path="/serve").get("location") == "/serve/t/5"


def test_forwarding_headers_name_the_client_and_not_what_it_claims():
    seen, _ = told(
        "GET",
        "/echo",
        "X-Forwarded-For: 6.6.6.6",
        "X-Forwarded-Proto: https",
        "Forwarded: for=6.6.6.6",
        trusted_proxies=(),
    )
    values = dict(seen.headers)
    assert (values[b"x-forwarded-for"], values[b"x-forwarded-proto"]) == (b"127.0.0.1", b"http")
    assert b"forwarded" not in values


def test_a_trusted_peer_is_believed():
    seen, _ = told("GET", "/echo", "X-Forwarded-For: 6.6.6.6", "Forwarded: for=6.6.6.6")
    assert [pair for pair in seen.headers if b"forwarded" in pair[0]] == [
        (b"x-forwarded-for", b"6.6.6.6"),
        (b"forwarded", b"for=6.6.6.6"),
    ]


class Tag:
    def __init__(self, app, name: str) -> None:
        self.app, self.name = app, name.encode()

    async def __call__(self, scope, receive, send) -> None:
        async def tagged(message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"x-tag", self.name)]
            await send(message)

        await self.app(scope, receive, tagged)


class OldMiddleware:
    def __init__(self, cls: type, **options: object) -> None:
        self.cls, self.options = cls, options


class NewMiddleware:
    def __init__(self, cls: type, *args: object, **kwargs: object) -> None:
        self.cls, self.args, self.kwargs = cls, args, kwargs


def test_the_last_middleware_is_outermost_and_sees_every_answer():
    both = (OldMiddleware(Tag, name="inner"), NewMiddleware(Tag, name="outer"))
    for target in ("/echo", "/none", "/-/routes"):
        tags = [value for name, value in answer("GET", target, middlewares=both).headers if name == "x-tag"]
        assert tags == ["inner", "outer"]


def test_a_port_in_use_is_named_with_the_remedy():
    sock = bind("127.0.0.1", 0)
    sock.listen()
    port = sock.getsockname()[1]
    for kind in (OSError, ValueError):  # Ray 1.2 and 1.13
        with pytest.raises(kind, match=f"127.0.0.1:{port}.*http_options"):
            bind("127.0.0.1", port)
    sock.close()


def test_every_except_finds_the_error_of_a_host_that_is_not_there(monkeypatch):
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr("legacy.ingress.front.socket.getaddrinfo", unknown)
    for kind in (socket.gaierror, OSError, ValueError):  # Ray 1.2, 0.8, from 1.4 on
        with pytest.raises(kind, match=r"nowhere:8000: Name or service not known.*http_options"):
            bind("nowhere", 8000)


def test_one_date_and_no_second_server_header():
    async def dated(seen, receive, send) -> None:
        headers: list[Header] = [(b"date", b"long ago"), (b"server", b"mine"), (b"content-length", b"0")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body"})

    response = answer("GET", "/echo", handler=dated)
    assert (response.get("server"), response.get("date") != "long ago") == ("mine", True)


def test_requests_are_counted_per_route_and_endpoint():
    async def play() -> None:
        async with stage() as made:
            for target in ("/echo", "/echo", "/p/1", "/none"):
                await ask(made, "GET", target)
            counters = made.app.counters()
            assert counters.http_requests == {"/echo": 2, "/p": 1}
            assert counters.router_requests == {"exact": 2, "prefix": 1}

    asyncio.run(play())
