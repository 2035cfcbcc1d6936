"""legacy.http.admission: who may stay while descriptors are short."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from legacy.http import admission
from legacy.http import listener as module
from legacy.http.admission import has_room, spare
from legacy.http.listener import Listener

REFUSAL = b"HTTP/1.1 503 "
PROTOCOL = asyncio.Protocol()


class FakeTransport:
    """A connection."""

    def __init__(self, protocol: Any) -> None:
        self.written = b""
        self.aborted = False
        self.protocol = protocol

    def write(self, data: bytes) -> None:
        self.written += data

    def can_write_eof(self) -> bool:
        return False

    def abort(self) -> None:
        self.aborted = True


@given(st.integers(0, 10_000), st.integers(0, 10_000), st.integers(8, 10_000))
def test_some_descriptors_are_left_for_those_who_are_turned_away(descriptor: int, owed: int, most: int) -> None:
    assert 0 < spare(most) <= admission.SPARE
    if has_room(descriptor, owed, most):
        assert descriptor + owed + spare(most) < most


@pytest.fixture
def listener(monkeypatch: pytest.MonkeyPatch) -> Iterator[Listener]:
    monkeypatch.setattr(module, "limit", lambda: 64)
    with socket.socket() as sock:
        yield Listener(sock, lambda: PROTOCOL, REFUSAL, refuse_asked=True, owed=lambda coming: 5 + coming)


def come(listener: Listener, descriptor: int) -> FakeTransport:
    """A connection that is made."""
    transport = FakeTransport(listener.judge(descriptor))
    transport.protocol.connection_made(transport)
    return transport


@pytest.mark.parametrize(("descriptor", "stays"), [(10, True), (49, True), (50, False), (63, False)])
def test_a_connection_gets_its_protocol_or_an_answer(listener: Listener, descriptor: int, stays: bool) -> None:
    async def play() -> None:
        transport = come(listener, descriptor)
        assert (transport.protocol is PROTOCOL) is stays
        assert transport.written == b""  # nobody gets an answer before it asks
        transport.protocol.data_received(b"GET / ")
        transport.protocol.data_received(b"HTTP/1.1")
        assert transport.written == (b"" if stays else REFUSAL)

    asyncio.run(play())


def test_who_has_read_its_answer_goes_when_somebody_waits(listener: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    async def play() -> None:
        asked, silent = come(listener, 60), come(listener, 60)
        asked.protocol.data_received(b"GET / HTTP/1.1")
        for transport in (asked, silent):
            transport.protocol.hurry()
        assert [asked.aborted, silent.aborted] == [False, False]
        monkeypatch.setattr(admission, "READ_S", 0.0)
        for transport in (asked, silent):
            transport.protocol.hurry()
        assert [asked.aborted, silent.aborted] == [True, False]

    asyncio.run(play())


def test_a_full_port_that_cannot_look_for_room_once_looks_again(
    listener: Listener, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def play() -> None:
        opened, looks = asyncio.Event(), list[int]()

        def is_full() -> bool:
            looks.append(1)
            if len(looks) == 1:
                raise ValueError("no such limit")
            return False

        monkeypatch.setattr(module, "LOOK_S", 0.001)
        monkeypatch.setattr(listener, "_is_full", is_full)
        monkeypatch.setattr(listener, "_accept_here", opened.set)
        listener._look_later()
        await asyncio.wait_for(opened.wait(), 10)

    asyncio.run(play())
    assert "a full port's look for room failed and goes on: Traceback" in caplog.text
