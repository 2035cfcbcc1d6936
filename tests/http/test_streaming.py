"""Bodies of any size, both ways: nothing lost, memory bounded, and framing that fits the client."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any

import pytest

from legacy.ingress.answer_buffer import HIGH_WATER
from tests.http.stage import Seen, Stage, stage
from tests.http.wire import read_response

PIECE = bytes(range(256)) * 256
MANY = 320  # pieces of 64 KiB: 20 MiB


async def sha(seen: Seen, receive: Any, send: Any) -> None:
    """Answer with the digest of the body."""
    digest, more = hashlib.sha256(), True
    while more:
        message = await receive()
        digest.update(message["body"])
        more = message["more_body"]
    text = digest.hexdigest().encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"64")]})
    await send({"type": "http.response.body", "body": text})


def down(length: bool) -> Any:
    """Answer with 20 MiB."""

    async def handler(seen: Seen, receive: Any, send: Any) -> None:
        headers = [(b"content-length", b"%d" % (MANY * len(PIECE)))] if length else []
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for number in range(MANY):
            await send({"type": "http.response.body", "body": PIECE, "more_body": number < MANY - 1})

    return handler


async def send_big(writer: asyncio.StreamWriter, chunked: bool) -> str:
    framing = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {MANY * len(PIECE)}"
    writer.write(f"POST /echo HTTP/1.1\r\nHost: x\r\n{framing}\r\n\r\n".encode())
    digest = hashlib.sha256()
    for _ in range(MANY):
        digest.update(PIECE)
        writer.write(b"%x\r\n%b\r\n" % (len(PIECE), PIECE) if chunked else PIECE)
        await writer.drain()
    writer.write(b"0\r\n\r\n" if chunked else b"")
    return digest.hexdigest()


@pytest.mark.parametrize("chunked", [False, True])
def test_a_big_body_arrives_whole(chunked: bool):
    async def play() -> None:
        async with stage(sha) as made:
            reader, writer = await made.connect()
            expected = await send_big(writer, chunked)
            answer = await asyncio.wait_for(read_response(reader), 20)
            assert answer is not None
            assert answer.body.decode() == expected
            assert made.pool.counts() == (1, 1)

    asyncio.run(play())


@pytest.mark.parametrize("length", [False, True])
def test_a_big_answer_arrives_whole(length: bool):
    async def play() -> None:
        async with stage(down(length)) as made:
            reader, writer = await made.connect()
            writer.write(b"GET /echo HTTP/1.1\r\nHost: x\r\n\r\n")
            answer = await asyncio.wait_for(read_response(reader), 20)
            assert answer is not None
            assert answer.body == PIECE * MANY

    asyncio.run(play())


def test_an_http_1_0_client_gets_a_stream_that_ends_with_the_connection():
    async def play() -> None:
        async with stage(down(False)) as made:
            answer = await made.ask(b"GET /echo HTTP/1.0\r\n\r\n")
            head, _, body = answer.partition(b"\r\n\r\n")
            assert b"chunked" not in head
            assert b"connection: close" in head
            assert body == PIECE * MANY

    asyncio.run(play())


def test_the_pieces_of_a_stream_are_not_held_back():
    async def play() -> None:
        told = asyncio.Event()

        async def ticks(seen: Seen, receive: Any, send: Any) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": [(b"x-early", b"1")]})
            await told.wait()
            for number in range(5):
                told.clear()
                await send({"type": "http.response.body", "body": b"tick%d" % number, "more_body": True})
                await told.wait()
            await send({"type": "http.response.body"})

        async with stage(ticks) as made:
            reader, writer = await made.connect()
            writer.write(b"GET /echo HTTP/1.1\r\nHost: x\r\n\r\n")
            assert b"x-early: 1" in await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 2)
            for number in range(5):
                told.set()
                assert await asyncio.wait_for(reader.readuntil(b"tick%d\r\n" % number), 2)
            told.set()
            assert await asyncio.wait_for(reader.readuntil(b"0\r\n\r\n"), 2)

    asyncio.run(play())


def test_a_client_that_does_not_read_makes_the_replica_wait():
    async def play() -> None:
        sent = 0

        async def endless(seen: Seen, receive: Any, send: Any) -> None:
            nonlocal sent
            await send({"type": "http.response.start", "status": 200, "headers": []})
            while True:
                await send({"type": "http.response.body", "body": PIECE, "more_body": True})
                sent += len(PIECE)

        async with stage(endless) as made:
            _, writer = await made.connect()
            writer.write(b"GET /echo HTTP/1.1\r\nHost: x\r\n\r\n")
            writer.transport.pause_reading()
            before = await settled(lambda: sent)
            assert before < 16 * 1024 * 1024 + 2 * HIGH_WATER  # mostly what kernels buffer
            await made.get("/-/healthz")
            writer.transport.abort()
            await made.until(lambda: made.in_flight() == 0)

    asyncio.run(play())


def test_a_replica_that_does_not_read_makes_the_client_wait():
    async def play() -> None:
        async def never_reads(seen: Seen, receive: Any, send: Any) -> None:
            await go.wait()
            await sha(seen, receive, send)

        go = asyncio.Event()

        async with stage(never_reads) as made:
            _, writer = await made.connect()
            writer.write(b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
            sent = 0

            async def push() -> None:
                nonlocal sent
                while True:
                    writer.write(b"10000\r\n" + PIECE + b"\r\n")
                    await writer.drain()
                    sent += len(PIECE)

            pusher = asyncio.ensure_future(push())
            assert await settled(lambda: sent) < 16 * 1024 * 1024
            pusher.cancel()
            writer.transport.abort()
            go.set()  # while nobody reads, nobody sees that the client has left
            await made.until(lambda: made.in_flight() == 0)

    asyncio.run(play())


async def settled(value: Any) -> int:
    """The value once it has not changed for a while."""
    before, still = -1, 0
    while still < 20:
        await asyncio.sleep(0.01)
        before, still = (value(), 0) if value() != before else (before, still + 1)
    return before


async def early(seen: Seen, receive: Any, send: Any) -> None:
    """Answer without having read the body."""
    await send({"type": "http.response.start", "status": 413, "headers": [(b"content-length", b"4")]})
    await send({"type": "http.response.body", "body": b"much"})


def test_an_early_answer_reaches_the_client_and_ends_both_connections():
    async def play() -> None:
        async with stage(early) as made:
            reader, writer = await made.connect()
            writer.write(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n\r\n" + b"x" * 200_000)
            answer = await asyncio.wait_for(read_response(reader), 5)
            assert answer is not None
            assert (answer.status, answer.body, answer.get("connection")) == (413, b"much", "close")
            assert made.pool.counts()[1] == 0
            assert await asyncio.wait_for(reader.read(), 5) == b""

    asyncio.run(play())


def test_continue_is_sent_only_when_a_replica_is_there():
    async def play() -> None:
        async with stage(sha, limit=1) as made:
            slot = made.router.slots("b").take()
            assert slot is not None
            reader, writer = await made.connect()
            writer.write(b"POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
            await made.until(lambda: made.router.slots("b").waiting == 1)
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(reader.readexactly(1), 0.05)
            made.router.slots("b").give_back(slot.tag)
            assert await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 2) == b"HTTP/1.1 100 Continue\r\n\r\n"
            writer.write(b"hi")
            answer = await asyncio.wait_for(read_response(reader), 2)
            assert answer is not None
            assert answer.body.decode() == hashlib.sha256(b"hi").hexdigest()

    asyncio.run(play())


def half(made: list[Stage]) -> Any:
    async def handler(seen: Seen, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})
        await asyncio.sleep(0.01)
        made[0].kill(seen.replica)

    return handler


@pytest.mark.parametrize("version", ["1.1", "1.0"])
def test_an_answer_that_breaks_off_is_visibly_not_complete(version: str):
    async def play() -> None:
        made: list[Stage] = []
        async with stage(half(made)) as one:
            made.append(one)
            reader, writer = await one.connect()
            writer.write(f"GET /echo HTTP/{version}\r\nHost: x\r\n\r\n".encode())
            with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
                await asyncio.wait_for(reader.readuntil(b"0\r\n\r\n"), 5)
            assert version == "1.1" or isinstance(reader.exception(), ConnectionResetError)

    asyncio.run(play())
