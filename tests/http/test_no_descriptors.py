"""A proxy or replica that has no descriptors left, or only those that are kept back."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import tempfile
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import uvloop
from starlette.middleware import Middleware

from legacy.http import listener
from legacy.http.contract import REFUSED
from legacy.replica.server import ReplicaServer, bind_private
from tests.http.descriptors import none_left
from tests.http.stage import ANOTHER_NODE, SECRET, stage
from tests.http.wire import read_response


@pytest.fixture
def none_to_give(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """When called: no connection is let in any more."""
    return lambda: monkeypatch.setattr(listener, "limit", lambda: 0)


@pytest.mark.parametrize("method", [b"GET", b"POST"])
def test_it_tries_again_with_pauses_until_the_deadline_and_says_so_seldom(
    method: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async def play() -> None:
        loop = asyncio.get_running_loop()
        async with stage(queue_timeout_s=1.0) as made:
            reader, writer = await made.connect()
            await made.until(lambda: made.clients == 1)
            with none_left() as fill:
                made.front.tick(loop.time())
                await asyncio.sleep(0.1)
                fill()  # the descriptor with which the event loop had accepted: the replica is of this process, too
                begun, burnt = loop.time(), os.times().user
                writer.write(method + b" /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
                answer = await asyncio.wait_for(read_response(reader), 5)
            assert answer is not None
            assert answer.status == 503
            assert answer.get("retry-after")
            assert loop.time() - begun < 2.0
            assert os.times().user - burnt < 0.5
            assert len(caplog.records) <= 10
            assert (await made.get()).startswith(b"HTTP/1.1 200")

    asyncio.run(play())


def test_a_client_for_whom_there_is_none_is_told_to_come_back_and_others_stay(none_to_give: Callable[[], None]) -> None:
    async def play() -> None:
        async with stage() as made:
            reader, writer = await made.connect()
            for _ in range(2):
                writer.write(b"GET /echo HTTP/1.1\r\nHost: x\r\n\r\n")
                answer = await asyncio.wait_for(read_response(reader), 5)
                assert answer is not None
                assert answer.status == 200
                none_to_give()
            refused = await made.get()
            assert refused.startswith(b"HTTP/1.1 503 ")
            assert b"\r\nretry-after: 1\r\n" in refused

    asyncio.run(play())


def test_all_of_many_who_are_turned_away_are_told_so(none_to_give: Callable[[], None]) -> None:
    async def play() -> None:
        async with stage() as made:
            none_to_give()
            clients = [await made.connect() for _ in range(20)]
            for _, writer in clients:
                writer.write(b"GET /echo HTTP/1.1\r\nHost: x\r\n\r\n")
            for reader, _ in clients:  # none of them closes its side
                assert (await asyncio.wait_for(reader.read(), 5)).startswith(b"HTTP/1.1 503 ")
            assert made.clients == 0

    asyncio.run(play())


@pytest.mark.parametrize("method", [b"GET", b"POST"])
def test_a_replica_that_has_none_refuses_unread_and_the_client_is_told_to_come_back(
    none_to_give: Callable[[], None], method: bytes
) -> None:
    async def play() -> None:
        async with stage(node=ANOTHER_NODE) as made:
            reader, writer = await made.connect()
            await made.until(lambda: made.clients == 1)
            none_to_give()
            writer.write(method + b" /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
            answer = await asyncio.wait_for(read_response(reader), 5)
            assert answer is not None
            assert answer.status == 503
            assert answer.get("retry-after")
            assert made.seen == []

    asyncio.run(play())


def test_idle_connections_to_other_replicas_make_room_for_the_one_that_is_wanted() -> None:
    async def play() -> None:
        async with stage(replicas=2) as made:
            reader, writer = await made.connect()
            for _ in range(2):  # one idle connection to each replica
                writer.write(b"GET /echo HTTP/1.1\r\nHost: x\r\n\r\n")
                assert await asyncio.wait_for(read_response(reader), 5) is not None
            wanted = made.router.slots("b").take()
            assert wanted is not None
            made.pool.take(wanted.tag)
            with none_left():
                upstream = await made.pool.connect(wanted)
            assert made.pool.size() == 2
            upstream.abort()

    asyncio.run(play())


LOOPS = [asyncio.new_event_loop, uvloop.new_event_loop]
USED = [pytest.param(0, id="all are used"), pytest.param(8, id="more are used than allowed")]
MARK = b"%b: %b\r\n" % REFUSED


async def ask_each(clients: list[socket.socket], address: Any) -> list[bytes]:
    """The answers to a POST on each of these sockets, which exist already."""
    loop = asyncio.get_running_loop()

    async def ask(client: socket.socket) -> bytes:
        await loop.sock_connect(client, address)
        await loop.sock_sendall(client, b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
        answer = b""
        while data := await loop.sock_recv(client, 4096):
            answer += data
        return answer

    return await asyncio.wait_for(asyncio.gather(*map(ask, clients)), 5)


@contextlib.contextmanager
def sockets(number: int, family: int) -> Any:
    """Sockets to connect while no more can be made."""
    with contextlib.ExitStack() as opened:
        clients = [opened.enter_context(socket.socket(family)) for _ in range(number)]
        for client in clients:
            client.setblocking(False)
        yield clients


def play_on(new_loop: Callable[[], asyncio.AbstractEventLoop], play: Callable[[], Any]) -> None:
    loop = new_loop()
    try:
        loop.run_until_complete(play())
    finally:
        loop.close()


@pytest.mark.parametrize("below", USED)
@pytest.mark.parametrize("new_loop", LOOPS)
def test_a_proxy_that_has_used_all_tells_each_client_to_come_back_and_serves_them_afterwards(
    new_loop: Any, below: int
) -> None:
    async def play() -> None:
        async with stage() as made:
            with sockets(6, socket.AF_INET) as clients:
                with none_left(below):
                    made.front.tick(asyncio.get_running_loop().time())
                    answers = await ask_each(clients, made.address)
            assert [answer[:12] for answer in answers] == [b"HTTP/1.1 503"] * 6
            assert all(b"\r\nretry-after: 1\r\n" in answer for answer in answers)
            assert (await made.get()).startswith(b"HTTP/1.1 200")

    play_on(new_loop, play)


@pytest.mark.parametrize("new_loop", LOOPS)
def test_a_proxy_whose_middleware_takes_all_at_once_tells_each_client_to_come_back(new_loop: Any) -> None:
    async def play() -> None:
        async with stage(middlewares=(Middleware(lambda app: app),)) as made:
            with sockets(6, socket.AF_INET) as clients:
                await asyncio.sleep(0.01)  # who accepts has been decided
                with none_left():
                    answers = await ask_each(clients, made.address)
            assert [answer[:12] for answer in answers] == [b"HTTP/1.1 503"] * 6

    play_on(new_loop, play)


@contextlib.asynccontextmanager
async def replica(tcp: bool, ran: list[str]) -> AsyncIterator[tuple[int, Any]]:
    """A replica's port; the family of its sockets and its address."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        ran.append(scope["path"])

    server = ReplicaServer()
    with tempfile.TemporaryDirectory(prefix="sc-", dir="/tmp") as place:
        if tcp:
            port = await server.serve_tcp(app, "127.0.0.1", SECRET, None)
            yield socket.AF_INET, ("127.0.0.1", port)
        else:
            sock, path = bind_private(os.path.join(place, "run"))
            await server.serve_unix(app, sock)
            yield socket.AF_UNIX, path
        await server.close()


@pytest.mark.parametrize("below", USED)
@pytest.mark.parametrize("tcp", [False, True])
@pytest.mark.parametrize("new_loop", LOOPS)
def test_a_replica_whose_user_code_takes_all_refuses_each_request_unread(new_loop: Any, tcp: bool, below: int) -> None:
    async def play() -> None:
        ran: list[str] = []
        async with replica(tcp, ran) as (family, address):
            with sockets(6, family) as clients:
                with none_left(below):
                    answers = await ask_each(clients, address)
            assert [answer[:12] for answer in answers] == [b"HTTP/1.1 503"] * 6
            assert all(MARK in answer for answer in answers)
            assert ran == []

    play_on(new_loop, play)
