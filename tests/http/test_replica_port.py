"""A replica's TCP port, which proxies of other nodes use and anybody in the network can reach."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import pytest

from legacy.http.contract import Routed, call_line, secret_line
from legacy.http.limits import Limits
from legacy.replica import members
from legacy.replica import server as server_module
from legacy.replica.server import ReplicaServer
from tests.http.corpus import Case, load
from tests.http.wire import is_closed, read_response

SECRET = b"x-serve-secret: the-secret\r\nx-serve-call: m=&r=&p=\r\n"
WRONG = b"x-serve-secret: a-guess\r\nx-serve-call: m=&r=&p=\r\n"
PIECE = b"x" * 65536
KEPT = 4 * 2**20  # what a peer may get rid of in all: its own socket buffer, the kernel's, and little of ours
HEAD_S = 10.0
CASES = [pytest.param(case, id=case.name) for case in load()]
# What the front refuses because of its bytes; routes and the proxy's own pages are not the replica's affair, and it
# must take a few lines more than a client may send.
BROKEN = [
    pytest.param(case, id=case.name)
    for case in load()
    if not set(case.statuses) & {404, 405} and case.name[:3] not in ("052", "053", "099")
]


@dataclass
class Port:
    address: tuple[str, int]
    seen: list[tuple[str, bytes, bytes]] = field(default_factory=list)
    names: list[bytes] = field(default_factory=list)
    opened: list[asyncio.StreamWriter] = field(default_factory=list)

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A new connection, which the port closes in the end."""
        reader, writer = await asyncio.open_connection(*self.address)
        self.opened.append(writer)
        return reader, writer

    async def hang_up(self) -> None:
        """Every connection ends; a loop must not be closed before it has seen that."""
        for writer in self.opened:
            writer.transport.abort()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        self.names = [name for name, _ in scope["headers"]]
        self.seen.append((scope["method"], scope["raw_path"], body))
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})


@contextlib.asynccontextmanager
async def port(websockets: bool = False, secret: str = "the-secret") -> AsyncIterator[Port]:
    made = Port(("127.0.0.1", 0))
    server = ReplicaServer()
    server.speaks_websocket = websockets
    made.address = ("127.0.0.1", await server.serve_tcp(made, "127.0.0.1", secret, None))
    try:
        yield made
    finally:
        await made.hang_up()
        await server.close()


async def taken(made: Port, data: bytes, piece: bytes = PIECE, most: int = 64 * 2**20) -> int:
    """How many bytes the port takes of something endless before it ends the connection."""
    reader, writer = await made.connect()
    size = 0
    with contextlib.suppress(ConnectionError):
        writer.write(data)
        while size < most and not reader.at_eof():
            writer.write(piece)
            await asyncio.wait_for(writer.drain(), 20)
            size += len(piece)
    return size


@pytest.mark.parametrize(
    "data",
    [
        b"GET /",
        b"GET / HTTP/1.1\r\nx-a: ",
        b"GET / HTTP/1.1\r\nhost: h\r\n" + SECRET + b"x-a: ",
        b"POST / HTTP/1.1\r\nhost: h\r\n" + WRONG[:-2] + b"\r\ncontent-length: 99999999999\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 99999999999\r\n" + WRONG + b"\r\n",
        b"POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n" + WRONG + b"\r\nfffffffff\r\n",
    ],
)
def test_nothing_endless_is_kept(data: bytes) -> None:
    async def play() -> None:
        async with port() as made:
            assert await taken(made, data) <= KEPT
            assert made.seen == []

    asyncio.run(play())


def test_endless_header_lines_are_not_kept() -> None:
    async def play() -> None:
        async with port() as made:
            assert await taken(made, b"GET / HTTP/1.1\r\n", b"x-a: b\r\n" * 8192) <= KEPT

    asyncio.run(play())


@pytest.mark.slow
def test_a_peer_that_does_not_go_on_is_given_up_in_time() -> None:
    halves = [
        b"",
        b"G",
        b"GET / HTTP/1.1\r\nhost: h\r\nx-half: ",
        b"POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 5\r\n" + WRONG + b"\r\nab",
    ]

    async def given_up(made: Port, data: bytes) -> bool:
        reader, writer = await made.connect()
        writer.write(data)
        with contextlib.suppress(ConnectionError):
            await asyncio.wait_for(reader.read(), HEAD_S + 2)
        return reader.at_eof()

    async def play() -> None:
        async with port() as made:
            waiting = [given_up(made, data) for data in halves]
            outcomes = await asyncio.gather(*waiting, return_exceptions=True)
            assert outcomes == [True] * len(halves)
            assert made.seen == []

    asyncio.run(play())


@pytest.mark.parametrize("lines", [b"", WRONG], ids=["no secret", "a wrong secret"])
def test_a_websocket_without_the_secret_is_refused(lines: bytes) -> None:
    head = b"GET / HTTP/1.1\r\nhost: h\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n"

    async def play() -> None:
        async with port(websockets=True) as made:
            reader, writer = await made.connect()
            writer.write(head + b"sec-websocket-key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n" + lines + b"\r\n")
            answer = await asyncio.wait_for(read_response(reader), 5)
            assert answer is not None
            assert answer.status == 403
            assert await is_closed(reader)

    asyncio.run(play())


@pytest.mark.parametrize("case", CASES)
def test_no_case_of_the_corpus_comes_through_without_the_secret(case: Case) -> None:
    async def play() -> None:
        async with port() as made:
            reader, writer = await made.connect()
            with contextlib.suppress(ConnectionError):
                writer.write(case.data)
                await writer.drain()
                writer.write_eof()
                said = await asyncio.wait_for(reader.read(), HEAD_S + 2)
                assert said == b"" or said[9:10] in b"45", said[:80]
            assert made.seen == []

    asyncio.run(play())


@pytest.mark.parametrize("case", BROKEN)
def test_what_the_front_refuses_the_replica_refuses_too(case: Case) -> None:
    data = case.data.replace(b"\r\n\r\n", b"\r\n" + SECRET + b"\r\n")

    async def play() -> None:
        async with port() as made:
            reader, writer = await made.connect()
            with contextlib.suppress(ConnectionError):
                writer.write(data)
                await writer.drain()
                writer.write_eof()
                await asyncio.wait_for(reader.read(), HEAD_S + 2)
            assert not any(b"smuggled" in target for _, target, _ in made.seen)
            assert len(made.seen) <= case.seen.stop - 1

    asyncio.run(play())


EMPTY = b"x-serve-secret: \r\nx-serve-call: \r\n"


@pytest.mark.parametrize(
    ("secret", "lines", "status"),
    [("the-secret", SECRET, 200), ("the-secret", WRONG, 403), ("the-secret", b"", 403), ("", EMPTY, 403)],
    ids=["the secret", "a wrong one", "none", "a replica without one"],
)
def test_who_knows_the_secret_comes_through_and_user_code_does_not_see_it(secret: str, lines: bytes, status: int):
    async def play() -> None:
        async with port(secret=secret) as made:
            reader, writer = await made.connect()
            writer.write(b"GET / HTTP/1.1\r\nhost: h\r\n" + lines + b"\r\n")
            answer = await asyncio.wait_for(read_response(reader), 5)
            assert answer is not None
            assert answer.status == status
            assert made.names == [b"host", b"x-serve-call"] * (status == 200)

    asyncio.run(play())


def test_of_too_many_strangers_the_oldest_goes_and_members_stay(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(members, "MOST_STRANGERS", 16)

    async def play() -> None:
        async with port() as made:
            member = await made.connect()  # the first of all would be the first to go, did it not show the secret
            member[1].write(b"GET / HTTP/1.1\r\nhost: h\r\n" + SECRET + b"\r\n")
            assert (await read_response(member[0])) is not None
            strangers = [await made.connect() for _ in range(16)]
            await made.connect()
            with contextlib.suppress(ConnectionError):
                assert await asyncio.wait_for(strangers[0][0].read(), 5) == b""
            assert not strangers[1][0].at_eof()
            member[1].write(b"GET / HTTP/1.1\r\nhost: h\r\n" + SECRET + b"\r\n")
            assert (await read_response(member[0])) is not None

    asyncio.run(play())


def test_unfinished_heads_of_all_strangers_together_have_a_limit(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(members, "MOST_BYTES", 512 * 1024)
    half = b"GET / HTTP/1.1\r\nhost: h\r\nx-half: " + b"x" * 60 * 1024

    async def play() -> None:
        async with port() as made:
            small = await made.connect()
            small[1].write(half[:100])
            others = [await made.connect() for _ in range(16)]
            for _, writer in others:
                writer.write(half)
            waiting = [asyncio.create_task(reader.read()) for reader, _ in others]
            done, _ = await asyncio.wait(waiting, timeout=2, return_when=asyncio.ALL_COMPLETED)
            assert 7 <= len(done) <= 10
            small[1].write(b"\r\n" + SECRET + b"\r\n")
            answer = await asyncio.wait_for(read_response(small[0]), 5)
            assert answer is not None
            assert answer.status == 200
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    asyncio.run(play())


@pytest.mark.parametrize("path", ["/" + "%00" * 5300, "/" + "a" * 16000, "/" + "%C3%A4" * 2600])
def test_the_longest_head_a_client_may_send_is_taken_from_a_proxy(path: str):
    size, name = 64 * 1024 - len(path) - 8, unquote(path)
    lines = (
        b"x-a: " + b"b" * size + b"\r\nx-forwarded-for: ::1\r\nx-forwarded-proto: http\r\n" + secret_line("the-secret")
    )

    async def play() -> None:
        async with port() as made:
            reader, writer = await made.connect()
            head = f"GET {path} HTTP/1.1\r\nhost: h\r\n".encode() + lines
            writer.write(head + call_line(Routed("", name, {"x": name})))
            answer = await asyncio.wait_for(read_response(reader), 5)
            assert answer is not None
            assert answer.status == 200

    asyncio.run(play())


def test_a_connection_that_cannot_be_looked_at_keeps_no_other_from_its_deadline(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    looked: list[Any] = []

    def look(connection: members.MemberProtocol, now: float) -> None:
        looked.append(connection)
        if connection is looked[0]:
            raise ValueError("a broken deadline")

    monkeypatch.setattr(members.MemberProtocol, "look", look)
    monkeypatch.setattr(server_module, "member_limits", lambda clients: Limits(tick_s=0.005))

    async def play() -> None:
        async with port() as made:
            await made.connect()
            await made.connect()
            for _ in range(2000):
                if len(set(looked)) == 2 and looked.count(looked[0]) > 1:
                    return
                await asyncio.sleep(0.005)

    asyncio.run(play())
    assert len(set(looked)) == 2
    assert looked.count(looked[0]) > 1
    assert "the look at a router's connection failed and goes on: Traceback" in caplog.text
