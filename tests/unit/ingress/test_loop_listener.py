"""legacy.ingress.loop_listener: who accepts connections, and that each is answered whoever does."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import pytest
import uvloop

from legacy.http import listener as module
from legacy.http.admission import Turned
from legacy.ingress.front import bind
from legacy.ingress.loop_listener import LoopListener
from tests.http.descriptors import none_left


class Greeting(asyncio.Protocol):
    """Says that it was let in."""

    def connection_made(self, transport: Any) -> None:
        transport.write(b"welcome")
        transport.close()


async def answer(address: Any) -> bytes:
    reader, writer = await asyncio.open_connection(*address)
    try:
        return await asyncio.wait_for(reader.read(), 5)
    finally:
        writer.close()


async def look(listener: LoopListener) -> bool:
    """Whether who accepts after a look is who should while there is room: the loop, unless it is asyncio's own."""
    listener.look()
    if listener._leaving_it is not None:
        await listener._leaving_it
    return (listener._server is None) == isinstance(asyncio.get_running_loop(), asyncio.BaseEventLoop)


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop])
def run(request: pytest.FixtureRequest) -> Any:
    def run(play: Callable[[LoopListener, Any], Any]) -> None:
        async def played() -> None:
            sock = bind("127.0.0.1", 0)
            listener = LoopListener(sock, Greeting, b"come back")
            address = sock.getsockname()
            listener.open(8)
            try:
                await play(listener, address)
            finally:
                listener.close()
                await asyncio.sleep(0)  # what was closed is gone

        loop = request.param()
        try:
            loop.run_until_complete(played())
        finally:
            loop.close()

    return run


def test_the_loop_accepts_until_one_has_to_go_and_again_when_there_is_room(
    run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def play(listener: LoopListener, address: Any) -> None:
        assert await answer(address) == b"welcome"
        assert await look(listener)
        assert await answer(address) == b"welcome"
        with monkeypatch.context() as patched:
            patched.setattr(module, "limit", lambda: 0)
            assert [await answer(address) for _ in range(2)] == [b"come back"] * 2
            await look(listener)
            assert listener._server is None
        while listener._leaving:
            await asyncio.sleep(0.01)
        assert await look(listener)
        assert await answer(address) == b"welcome"

    run(play)


def test_a_look_that_finds_no_descriptor_stops_the_loop_before_it_cuts_somebody(run: Any) -> None:
    async def play(listener: LoopListener, address: Any) -> None:
        assert await look(listener)
        with none_left():
            await look(listener)
            assert listener._server is None
        assert await answer(address) == b"welcome"

    run(play)


def test_asyncios_own_loop_says_nothing_when_all_descriptors_are_taken_between_two_looks(
    run: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async def play(listener: LoopListener, address: Any) -> None:
        assert await look(listener)
        client = socket.socket()
        client.setblocking(False)
        with client, none_left():
            await asyncio.get_running_loop().sock_connect(client, address)
            await asyncio.sleep(0.1)
        if isinstance(asyncio.get_running_loop(), asyncio.BaseEventLoop):
            assert [record for record in caplog.records if record.name == "asyncio"] == []

    run(play)


def test_one_that_was_accepted_just_before_it_was_closed_is_answered(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def play(listener: LoopListener, address: Any) -> None:
        assert await look(listener)
        listener.close()
        monkeypatch.setattr(module, "limit", lambda: 0)
        assert isinstance(listener.judge(99), Turned)

    run(play)


def test_it_can_be_closed_while_it_leaves_accepting_to_the_loop(run: Any) -> None:
    async def play(listener: LoopListener, address: Any) -> None:
        listener.look()
        await asyncio.sleep(0)
        listener.close()
        with pytest.raises(ConnectionRefusedError):
            await answer(address)

    run(play)
