"""The connection to a replica: what counts as an answer, and when a connection is used again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from tests.http.scripted import ANSWER, Scripted
from tests.http.stage import Stage, stage
from tests.http.wire import Response, read_response

GET = b"GET /echo HTTP/1.1\r\nHost: x\r\n\r\n"
HEAD = b"HEAD /echo HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi"


def always(*pieces: bytes, then_close: bool = False) -> Scripted:
    """Answer every request with these pieces."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await server.read_request(reader)
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0.005 if len(pieces) > 1 else 0)
            if then_close:
                return

    server = Scripted(script)
    return server


async def ask(made: Stage, request: bytes) -> Response | None:
    reader, writer = await made.connect()
    writer.write(request)
    response = await asyncio.wait_for(read_response(reader, request.split(b" ")[0].decode()), 10)
    writer.close()
    return response


def play(server: Scripted, what: Callable[[Stage], Awaitable[None]]) -> None:
    async def all_of_it() -> None:
        async with stage() as made:
            await server.take_over(made)
            await what(made)
            assert made.in_flight() == 0

    asyncio.run(asyncio.wait_for(all_of_it(), 60))


def outcome(server: Scripted, request: bytes = GET) -> tuple[int, bytes] | None:
    found: list[tuple[int, bytes] | None] = []

    async def once(made: Stage) -> None:
        response = await ask(made, request)
        found.append((response.status, response.body) if response and response.complete else None)

    play(server, once)
    return found[0]


def test_connections_are_used_again():
    server = always(ANSWER)

    async def many(made: Stage) -> None:
        for _ in range(20):
            assert (await ask(made, GET)).body == b"hello"  # type: ignore[union-attr]

    play(server, many)
    assert (server.connections, len(server.requests)) == (1, 20)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello",
        ANSWER + b"junk",
        ANSWER + ANSWER,
        b"HTTP/1.0 200 OK\r\ncontent-length: 5\r\n\r\nhello",
    ],
)
def test_an_answer_after_which_the_connection_is_in_doubt_closes_it(answer: bytes):
    server = always(answer)

    async def twice(made: Stage) -> None:
        for _ in range(2):
            assert (await ask(made, GET)).body == b"hello"  # type: ignore[union-attr]

    play(server, twice)
    assert server.connections == 2


def test_a_byte_on_an_idle_connection_closes_it():
    server = always(ANSWER, b"X")

    async def twice(made: Stage) -> None:
        assert (await ask(made, GET)).body == b"hello"  # type: ignore[union-attr]
        await made.until(lambda: made.pool.counts()[0] == 0)
        assert (await ask(made, GET)).body == b"hello"  # type: ignore[union-attr]

    play(server, twice)
    assert server.connections == 2


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello!",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\nuntil the end",
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" * 9 + ANSWER,
        b"HTTP/1.1 200 OK\r\nx: " + b"a" * 70_000 + b"\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 300 + b"content-length: 0\r\n\r\n",
        b"SSH-2.0-nonsense\r\n\r\n",
    ],
)
def test_an_answer_that_breaks_the_rules_is_502(answer: bytes):
    found = outcome(always(answer), POST)
    assert found is not None
    assert found[0] == 502


def test_interim_answers_are_swallowed():
    answer = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" + ANSWER
    assert outcome(always(answer)) == (200, b"hello")


def test_head_204_and_304_have_no_body_and_keep_the_connection():
    async def twice(made: Stage) -> None:
        for _ in range(2):
            response = await ask(made, HEAD)
            assert response is not None
            assert (response.get("content-length"), response.body) == ("5", b"")

    server = always(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n")
    play(server, twice)
    assert server.connections == 1
    assert outcome(always(b"HTTP/1.1 204 No Content\r\n\r\n")) == (204, b"")
    assert outcome(always(b"HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n")) == (304, b"")


def test_a_body_after_head_is_not_forwarded():
    server = always(ANSWER)

    async def twice(made: Stage) -> None:
        for _ in range(2):
            assert (await ask(made, HEAD)).status == 200  # type: ignore[union-attr]

    play(server, twice)
    assert server.connections == 2


def test_trailers_of_an_answer_are_dropped():
    chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nx-t: 1\r\n\r\n"

    async def once(made: Stage) -> None:
        response = await ask(made, GET)
        assert response is not None
        assert (response.body, response.get("x-t")) == (b"hello", None)

    play(always(chunked), once)


@pytest.mark.parametrize(
    "pieces",
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n", b"half"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", b"4\r\nhalf\r\n"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", b"4\r\nhalf\r\n", b"zz\r\n"),
    ],
)
def test_half_an_answer_never_looks_whole(pieces: tuple[bytes, ...]):
    assert outcome(always(*pieces, then_close=True)) is None


def dies_after(count: int) -> Scripted:
    """Answer the first `count` bytes of an answer, then die."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.read_request(reader)
        writer.write(ANSWER[:count])
        await writer.drain()

    server = Scripted(script)
    return server


@pytest.mark.parametrize("count", range(len(ANSWER)))
def test_a_post_runs_once_wherever_its_answer_breaks_off(count: int):
    server = dies_after(count)
    found = outcome(server, POST)
    assert len(server.requests) == 1
    assert found is None or found[0] in (500, 502)


@pytest.mark.parametrize("count", [0, 1, 16, len(ANSWER) - 5, len(ANSWER) - 1])
def test_a_get_is_tried_three_times_before_the_first_byte_and_once_after(count: int):
    server = dies_after(count)
    found = outcome(server, GET)
    assert len(server.requests) == (3 if count == 0 else 1)
    assert found is None or found[0] == 500


def test_a_get_with_a_body_is_not_tried_again():
    server = dies_after(0)
    assert outcome(server, POST.replace(b"POST", b"GET"))[0] == 500  # type: ignore[index]
    assert len(server.requests) == 1


def test_an_error_carries_the_clients_request_id():
    async def once(made: Stage) -> None:
        response = await ask(made, POST.replace(b"Host", b"X-Request-Id: abc-1\r\nHost"))
        assert response is not None
        assert response.get("x-request-id") == "abc-1"
        assert b"ReplicaLostError" in response.body
        assert b"abc-1" in response.body

    play(dies_after(0), once)
