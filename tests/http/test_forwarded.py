"""The replica sees the connection of the client, not of the proxy: on unix and TCP sockets, behind others or not."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from starlette.middleware import Middleware
from websockets.asyncio.client import connect

from legacy.replica.proxy_lines import ProxyLines
from tests.http.stage import ANOTHER_NODE, NODE, Seen, Stage, stage
from tests.http.wire import read_response

TLS_PROXY = (b"X-Forwarded-For: 9.9.9.9, 10.0.0.7", b"X-Forwarded-Proto: https")
PROXIES = ("127.0.0.1", "10.0.0.0/8")
ON_BOTH = pytest.mark.parametrize("node", [NODE, ANOTHER_NODE])


async def tell(seen: Seen, receive: Any, send: Any) -> None:
    """Answer with what user code would see."""
    scope = seen.scope
    call = ProxyLines().take(scope)
    assert call is not None
    names = [name.decode() for name, _ in scope["headers"]]
    text = json.dumps([scope["client"], scope["scheme"], scope["server"], call.root_path, names])
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": text})
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(text))]})
    await send({"type": "http.response.body", "body": text.encode()})


async def ask(made: Stage, *lines: bytes) -> tuple[Any, tuple[str, int]]:
    """What the replica saw, and our own address."""
    reader, writer = await made.connect()
    writer.write(b"\r\n".join((b"GET /p/x HTTP/1.1", b"Host: shop.example", *lines, b"", b"")))
    answer = await asyncio.wait_for(read_response(reader), 5)
    assert answer is not None
    assert answer.status == 200, answer.body
    return json.loads(answer.body), writer.get_extra_info("sockname")[:2]


def seen_by(*lines: bytes, **options: Any) -> tuple[Any, tuple[str, int], tuple[str, int]]:
    async def play() -> tuple[Any, tuple[str, int], tuple[str, int]]:
        async with stage(tell, **options) as made:
            return (*await ask(made, *lines), made.address)

    return asyncio.run(play())


@ON_BOTH
def test_without_a_proxy_in_front_it_is_the_connection_of_the_client(node: str):
    seen, here, there = seen_by(node=node)
    assert seen == [list(here), "http", list(there), "/p", ["host"]]


@ON_BOTH
def test_behind_a_tls_proxy_it_is_the_client_of_that(node: str):
    seen, _, there = seen_by(*TLS_PROXY, node=node, trusted_proxies=PROXIES)
    assert seen == [["9.9.9.9", 0], "https", list(there), "/p", ["host", "x-forwarded-for", "x-forwarded-proto"]]


def test_a_proxy_on_this_machine_is_believed_by_default():
    assert seen_by(*TLS_PROXY)[0][:2] == [["10.0.0.7", 0], "https"]


@pytest.mark.skipif(not Path("/proc/net/if_inet6").exists(), reason="needs IPv6")
def test_addresses_of_ipv6_are_told_and_believed_too():
    seen, here, there = seen_by(host="::1")
    assert (seen[0], seen[2]) == (["::1", here[1]], ["::1", there[1]])
    assert seen_by(b"X-Forwarded-For: [2001:db8::7]:443", host="::1")[0][0] == ["2001:db8::7", 443]
    assert seen_by(b"X-Forwarded-For: 9.9.9.9", host="::1", trusted_proxies=("127.0.0.1",))[0][0][0] == "::1"


@pytest.mark.parametrize("trusted", [(), ("10.0.0.0/8",)])
def test_a_stranger_is_not_believed(trusted: tuple[str, ...]):
    seen, here, there = seen_by(*TLS_PROXY, trusted_proxies=trusted)
    assert seen[:3] == [list(here), "http", list(there)]


@ON_BOTH
@pytest.mark.parametrize("name", [b"X-Serve-From", b"x_serve_from", b"X-Serve-Call", b"X_Forwarded_For"])
def test_a_client_that_sends_our_lines_gains_nothing(node: str, name: bytes):
    seen, here, there = seen_by(name + b": 6.6.6.6&1&https&evil&443", node=node, trusted_proxies=())
    assert seen == [list(here), "http", list(there), "/p", ["host"]]


def test_each_request_of_a_kept_connection_has_its_own_client():
    async def play() -> None:
        async with stage(tell) as made:
            reader, writer = await made.connect()
            for lines, host in ((TLS_PROXY[:1], "10.0.0.7"), ((), "127.0.0.1"), ((b"X-Forwarded-For: ::5",), "::5")):
                writer.write(b"\r\n".join((b"GET /p/x HTTP/1.1", b"Host: x", *lines, b"", b"")))
                answer = await asyncio.wait_for(read_response(reader), 5)
                assert answer is not None
                assert json.loads(answer.body)[0][0] == host

    asyncio.run(play())


@ON_BOTH
def test_a_websocket_is_told_too(node: str):
    async def play() -> None:
        async with stage(tell, node=node) as made:
            where = f"ws://127.0.0.1:{made.address[1]}/p/chat"
            async with connect(where, additional_headers={"X-Forwarded-For": "9.9.9.9"}) as client:
                client_of, scheme, server, root, _ = json.loads(await client.recv())
            assert (client_of, scheme, server, root) == (["9.9.9.9", 0], "ws", list(made.address), "/p")
            async with connect(where, additional_headers={"X-Forwarded-Proto": "https"}) as client:
                client_of, scheme, *_ = json.loads(await client.recv())
            assert (client_of[0], scheme) == ("127.0.0.1", "wss")

    asyncio.run(play())


class Renamer:
    """A middleware that sees who asks, and says that it was somebody else, in a list as ASGI allows."""

    def __init__(self, app: Any, seen: list[Any]) -> None:
        self.app, self.seen = app, seen

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.seen.append((scope["client"][0], scope["scheme"]))
        await self.app({**scope, "client": ["7.7.7.7", 7]}, receive, send)


def test_middlewares_see_the_client_and_what_they_make_of_it_counts():
    before: list[Any] = []
    seen, *_ = seen_by(*TLS_PROXY, middlewares=(Middleware(Renamer, seen=before),))
    assert before == [("10.0.0.7", "https")]
    assert seen[:2] == [["7.7.7.7", 7], "https"]


def test_more_clients_than_are_remembered_are_told_apart(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("legacy.ingress.app._CACHE_LIMIT", 2)
    monkeypatch.setattr("legacy.replica.proxy_lines._REMEMBERED", 2)

    async def play() -> None:
        async with stage(tell) as made:
            for number in range(7):
                seen, _ = await ask(made, b"X-Forwarded-For: 9.9.9.%d" % number)
                assert seen[0][0] == f"9.9.9.{number}"

    asyncio.run(play())
