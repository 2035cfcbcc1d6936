"""Websockets end to end: a real client, the proxy, a replica that speaks them."""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
import zlib
from typing import Any

import pytest
import uvloop
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from legacy.ingress.tunnel import Pipe
from legacy.replica.websocket import AT_ONCE
from tests.http.scripted import Scripted
from tests.http.stage import Seen, Stage, stage
from tests.http.wire import is_closed

MIB = 2**20
HANDSHAKE = (
    b"GET /echo HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


async def talk(seen: Seen, receive: Any, send: Any) -> None:
    """Send every message back, in upper case."""
    assert (await receive())["type"] == "websocket.connect"
    await send({"type": "websocket.accept", "subprotocol": "loud", "headers": [(b"x-mine", b"1")]})
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            seen.body = b"%d" % message["code"]
            return
        if message.get("text") == "bye":
            await send({"type": "websocket.close", "code": 4001, "reason": "asked"})
            return
        if message.get("text") is not None:
            await send({"type": "websocket.send", "text": message["text"].upper()})
        else:
            await send({"type": "websocket.send", "bytes": message["bytes"]})


def call(made: Stage, target: str = "/p/chat?a=1", **options: Any) -> connect:
    return connect(f"ws://127.0.0.1:{made.address[1]}{target}", subprotocols=["loud"], **options)  # type: ignore[list-item]


async def hello(client: ClientConnection) -> None:
    await client.send("hello")
    assert await client.recv() == "HELLO"


def test_messages_pass_both_ways():
    async def play() -> None:
        async with stage(talk) as made:
            async with call(made) as client:
                assert client.subprotocol == "loud"
                assert client.response is not None
                assert client.response.headers["x-mine"] == "1"
                await hello(client)
                blob = bytes(range(256)) * 2000
                await client.send(blob)
                assert await client.recv() == blob
            await made.until(lambda: made.in_flight() == 0)
            assert made.seen[0].body == b"1000"
            assert made.seen[0].target == b"/p/chat?a=1"
            assert made.seen[0].headers[-1] == (b"x-serve-call", b"m=&r=/p&p=")

    asyncio.run(play())


def test_the_replicas_close_reaches_the_client():
    async def play() -> None:
        async with stage(talk) as made, call(made) as client:
            await client.send("bye")
            with pytest.raises(ConnectionClosed) as closed:
                await client.recv()
            assert closed.value.rcvd is not None
            assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4001, "asked")

    asyncio.run(play())


def test_a_client_that_vanishes_is_noticed_by_the_replica():
    async def play() -> None:
        async with stage(talk) as made:
            async with call(made) as client:
                await hello(client)
                client.transport.abort()
                await made.until(lambda: made.seen[0].body != b"")
            await made.until(lambda: made.in_flight() == 0 and made.clients == 0)

    asyncio.run(play())


def test_a_replica_that_dies_is_noticed_by_the_client():
    async def play() -> None:
        async with stage(talk) as made, call(made) as client:
            await hello(client)
            for state in made.states.values():
                for connection in list(state.connections):
                    connection.transport.abort()
            with pytest.raises(ConnectionClosed):
                await client.recv()
            await made.until(lambda: made.in_flight() == 0)

    asyncio.run(play())


def test_a_websocket_holds_its_slot_and_the_next_one_waits():
    async def play() -> None:
        async with stage(talk, limit=1) as made:
            async with call(made) as client:
                await hello(client)
                second = asyncio.ensure_future(call(made).__aenter__())
                await made.until(lambda: made.router.slots("b").waiting == 1)
            await hello(await second)
            await (await second).close()

    asyncio.run(play())


def test_a_refused_handshake_is_an_ordinary_answer():
    async def play() -> None:
        async def refuses(seen: Seen, receive: Any, send: Any) -> None:
            await receive()
            await send({"type": "websocket.close", "code": 1008})

        async with stage(refuses) as made:
            with pytest.raises(InvalidStatus) as refused:
                async with call(made):
                    pass
            assert refused.value.response.status_code == 403
            assert made.in_flight() == 0

    asyncio.run(play())


def test_an_unknown_path_is_404():
    async def play() -> None:
        async with stage(talk) as made:
            with pytest.raises(InvalidStatus) as refused:
                async with call(made, "/none"):
                    pass
            assert refused.value.response.status_code == 404

    asyncio.run(play())


def test_a_replica_that_cannot_be_reached_is_left_out():
    async def play() -> None:
        async with stage(talk, replicas=2) as made:
            made.kill("b#0")
            for _ in range(3):
                async with call(made) as client:
                    await hello(client)

    asyncio.run(play())


def test_bytes_right_behind_either_side_of_the_handshake_are_not_lost():
    async def play() -> None:
        async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await server.read_request(reader)
            writer.write(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\nfirst")
            writer.write(await reader.readexactly(5))
            await reader.read()

        server = Scripted(script)
        async with stage() as made:
            await server.take_over(made)
            reader, writer = await made.connect()
            writer.write(HANDSHAKE + b"early")
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 101 ")
            assert await asyncio.wait_for(reader.readexactly(10), 2) == b"firstearly"
            writer.close()
            await made.until(lambda: made.in_flight() == 0)
            assert b"connection: Upgrade\r\nupgrade: websocket\r\n" in server.requests[0]

    asyncio.run(play())


def test_a_flood_before_the_handshake_is_cut():
    async def play() -> None:
        async with stage(talk, limit=1) as made:
            slot = made.router.slots("b").take()
            assert slot is not None
            reader, writer = await made.connect()
            writer.write(HANDSHAKE + b"x" * 100_000)
            assert await is_closed(reader, 2)
            await made.until(lambda: made.router.slots("b").waiting == 0)

    asyncio.run(play())


def test_a_stopping_proxy_closes_websockets():
    async def play() -> None:
        async with stage(talk) as made, call(made) as client:
            await hello(client)
            await made.front.stop(0.2)
            with pytest.raises(ConnectionClosed):
                await client.recv()

    asyncio.run(play())


class Refuser:
    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "websocket"
        assert (await receive())["type"] == "websocket.connect"
        await send({"type": "websocket.close", "code": 1008})


class Refusing:
    cls, args, kwargs = Refuser, (), {}


def test_a_middleware_may_refuse_a_websocket():
    async def play() -> None:
        async with stage(talk, middlewares=(Refusing,)) as made:
            assert (await made.ask(HANDSHAKE)).startswith(b"HTTP/1.1 403")
            assert made.seen == []

    asyncio.run(play())


def test_what_one_side_sends_when_the_other_has_just_gone_is_dropped():
    async def play() -> None:
        loop = asyncio.get_running_loop()
        pairs = [socket.socketpair() for _ in range(2)]
        ends = [await loop.create_connection(asyncio.Protocol, sock=near) for near, _ in pairs]
        gone, other = (transport for transport, _ in ends)
        gone.close()
        await asyncio.sleep(0.05)
        Pipe(other, gone, loop.create_future()).data_received(b"late")
        other.close()
        for _, far in pairs:
            far.close()

    uvloop.run(play())  # which proxies run on: it raises where asyncio only warns


class Later:
    """A websocket that asks for messages only when it is told to, and keeps their lengths and the close's code."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.got: list[int] = []

    async def __call__(self, seen: Seen, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await self.go.wait()
        while (message := await receive())["type"] == "websocket.receive":
            self.got.append(len(message["bytes"]))
        self.got.append(message["code"])


def masked(opcode: int, payload: bytes) -> bytes:
    """A frame of a client; the mask is zeros."""
    return bytes([opcode, 0x80 | 126]) + struct.pack("!H", len(payload)) + bytes(4) + payload


async def opened(made: Stage) -> tuple[asyncio.StreamWriter, Any]:
    """A client's side of a websocket with compression, and the replica's."""
    reader, writer = await made.connect()
    writer.write(HANDSHAKE.replace(b"\r\n\r\n", b"\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n"))
    assert b"permessage-deflate" in await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    (replica,) = made.states["b#0"].connections
    return writer, replica


def test_short_frames_that_unpack_to_much_are_unpacked_as_the_handler_takes_them():
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    frame = masked(0xC2, (packer.compress(bytes(MIB)) + packer.flush(zlib.Z_SYNC_FLUSH))[:-4])

    async def play() -> None:
        later = Later()
        async with stage(later) as made:
            writer, replica = await opened(made)
            writer.write(frame * 50 + masked(0x88, struct.pack("!H", 1000)))
            await made.until(lambda: replica.queue.qsize() > 0)
            await asyncio.sleep(0.1)  # for all of it to arrive
            assert replica.queue.qsize() <= AT_ONCE / len(frame) + 1
            later.go.set()
            await made.until(lambda: later.got == [MIB] * 50 + [1000], 20)

    asyncio.run(play())


def test_a_message_in_crumbs_costs_about_its_length():
    async def play() -> None:
        later = Later()
        async with stage(later) as made:
            writer, replica = await opened(made)
            writer.write(masked(0x02, b"ab") + masked(0x00, b"ab") * 4999)
            await made.until(lambda: sum(map(len, replica.frames)) == 10_000)
            assert sum(map(sys.getsizeof, replica.frames)) < 12_000
            later.go.set()
            writer.write(masked(0x80, b"end"))
            await made.until(lambda: later.got == [10_003])
            writer.transport.abort()

    asyncio.run(play())
