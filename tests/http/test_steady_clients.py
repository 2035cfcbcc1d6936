"""Clients that are slow or half gone and still want their answer."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from legacy.http.limits import Limits
from tests.http.stage import Seen, Stage, stage
from tests.http.test_cancel import GET, Slow, run
from tests.http.wire import read_response

BIG = 8 * 2**20


async def big(seen: Seen, receive: Any, send: Any) -> None:
    """An answer that no buffer on its way can hold."""
    length = [(b"content-length", b"%d" % BIG)]
    await send({"type": "http.response.start", "status": 200, "headers": length})
    for _ in range(BIG // 65536):
        await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


@pytest.mark.parametrize("request_head", [GET, GET.replace(b"1.1", b"1.0"), GET.replace(b"GET", b"OPTIONS")])
def test_a_client_that_only_stops_sending_is_answered_however_long_that_takes(request_head: bytes):
    async def play() -> None:
        slow = Slow()
        async with stage(slow) as made:
            reader, writer = await made.connect()
            writer.write(request_head)
            writer.write_eof()
            await made.until(lambda: slow.began == 1)
            await asyncio.sleep(2.5)  # any time: well above what a client was given that has closed its side
            slow.go.set()
            answer = await asyncio.wait_for(read_response(reader), 5)
            assert answer is not None
            assert (answer.status, answer.body, slow.cancelled) == (200, b"ok", 0)

    run(play)


def test_a_client_that_only_stops_sending_is_answered_when_it_had_to_wait_for_a_place():
    async def play() -> None:
        slow = Slow()
        async with stage(slow, limit=1) as made:
            first, second = await made.connect(), await made.connect()
            first[1].write(GET)
            await made.until(lambda: slow.began == 1)
            second[1].write(GET)
            await made.until(lambda: made.router.slots("b").waiting == 1)
            second[1].write_eof()
            await asyncio.sleep(0.1)
            slow.go.set()
            answer = await asyncio.wait_for(read_response(second[0]), 5)
            assert answer is not None
            assert answer.status == 200

    run(play)


async def read_steadily(made: Stage, piece: int, pause_s: float, for_s: float) -> None:
    """Read an answer slowly for a while, and then to its end: it must be whole."""
    loop = asyncio.get_running_loop()
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 128 * 1024)
        client.setblocking(False)
        await loop.sock_connect(client, made.address)
        await loop.sock_sendall(client, GET)
        got, until = 0, loop.time() + for_s
        while loop.time() < until:
            data = await loop.sock_recv(client, piece)
            assert data, f"cut after {got} bytes, {until - loop.time():.0f} s before the end"
            got += len(data)
            await asyncio.sleep(pause_s)
        while data := await asyncio.wait_for(loop.sock_recv(client, 2**20), 5):
            got += len(data)
            if got > BIG:
                return
        raise AssertionError(f"cut after {got} bytes")


def test_a_client_that_reads_slowly_but_steadily_is_served():
    async def play() -> None:
        async with stage(big, limits=Limits(write_idle_s=2.5, tick_s=0.02)) as made:
            await read_steadily(made, 64 * 1024, 0.2, 6.0)

    run(play)


@pytest.mark.slow
def test_readers_of_2_to_40_kib_a_second_are_served():
    async def play() -> None:
        async with stage(big) as made:
            await asyncio.gather(*(read_steadily(made, rate * 1024, 1.0, 45.0) for rate in (2, 8, 40)))

    asyncio.run(asyncio.wait_for(play(), 80))


async def listen(seen: Seen, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    while (await receive())["type"] != "websocket.disconnect":
        pass


@pytest.mark.parametrize("size", [17 * 2**20, 20 * 2**20, 100 * 2**20])
def test_a_websocket_message_that_is_too_big_is_told_so(size: int):
    async def play() -> None:
        async with stage(listen) as made, connect(f"ws://127.0.0.1:{made.address[1]}/p", compression=None) as client:
            with contextlib.suppress(ConnectionClosed):
                await client.send(b"x" * size)
            with pytest.raises(ConnectionClosed) as closed:
                await client.recv()
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1009

    run(play)


@pytest.mark.parametrize(
    ("behind", "statuses"),
    [
        (b"", [200, 200]),
        (b"this is no request\r\n\r\n", [200, 200, 400]),
        (b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf", [200, 200]),
        (b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", [200, 200, 400]),
        (b"GET /echo HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n", [200, 200, 200]),
    ],
)
def test_a_client_that_stops_sending_is_answered_whatever_it_sent_behind_its_requests(
    behind: bytes, statuses: list[int]
):
    async def play() -> None:
        slow = Slow()
        async with stage(slow) as made:
            reader, writer = await made.connect()
            writer.write(GET * 2 + behind)
            writer.write_eof()
            await made.until(lambda: slow.began == 1)
            await asyncio.sleep(0.1)  # for the end of the client's side to arrive
            slow.go.set()
            got = []
            while (answer := await asyncio.wait_for(read_response(reader), 5)) is not None:
                got.append(answer.status)
            assert (got, slow.cancelled) == (statuses, 0)

    run(play)
