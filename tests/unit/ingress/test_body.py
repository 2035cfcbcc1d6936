"""legacy.ingress.body: a client's body is read once, framed anew and replayed while it is small."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from legacy.ingress.body import REPLAY_BYTES, ClientGoneError, RequestBody, frame


def body_of(pieces: list[bytes], length: int | None, keep: int = REPLAY_BYTES) -> RequestBody:
    waiting = list(pieces)

    async def receive() -> dict[str, Any]:
        piece = waiting.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(waiting)}

    return RequestBody(receive, length, keep)


async def read(body: RequestBody) -> bytes:
    data = b""
    while not body.at_end:
        data += await body.next()
    return data


def unchunked(data: bytes) -> bytes:
    body = b""
    while True:
        line, data = data.split(b"\r\n", 1)
        size = int(line, 16)
        body, end, data = body + data[:size], data[size : size + 2], data[size + 2 :]
        assert end == b"\r\n"
        if not size:
            assert not data
            return body


PIECES = st.lists(st.binary(max_size=40), min_size=1, max_size=8)


@settings(deadline=None)  # a new event loop per example
@given(PIECES, st.integers(0, 200), st.booleans(), st.booleans())
def test_what_is_sent_is_what_was_received(pieces: list[bytes], keep: int, chunked: bool, prefetched: bool):
    whole = b"".join(pieces)
    body = body_of(pieces, None if chunked else len(whole), keep)

    async def play() -> bytes:
        if prefetched:
            await body.prefetch()
        return await read(body)

    sent = asyncio.run(play())
    assert (unchunked(sent) if chunked else sent) == whole
    assert body.replayable == (len(whole) <= keep)


@settings(deadline=None)  # a new event loop per example
@given(PIECES, st.integers(0, 9), st.booleans())
def test_a_replay_sends_the_same_body(pieces: list[bytes], taken: int, chunked: bool):
    whole = b"".join(pieces)
    body = body_of(pieces, None if chunked else len(whole))

    async def play() -> bytes:
        for _ in range(min(taken, len(pieces))):
            await body.next()
        body.rewind()
        return await read(body)

    sent = asyncio.run(play())
    assert (unchunked(sent) if chunked else sent) == whole


@pytest.mark.parametrize("length", [1, 5])
def test_a_body_of_another_length_than_declared_is_an_error(length: int):
    with pytest.raises(ClientGoneError):
        asyncio.run(read(body_of([b"ab", b"c"], length)))


def test_prefetch_stops_at_its_bound():
    body = body_of([b"x" * 40_000] * 5, 200_000)
    asyncio.run(body.prefetch())
    assert not body.done
    assert len(asyncio.run(read(body))) == 200_000


def test_a_copy_exists_only_of_a_whole_and_small_body():
    body = body_of([b"ab", b"c"], None, keep=3)
    assert body.copy() is None
    asyncio.run(read(body))
    assert body.copy() == b"abc"
    long = body_of([b"ab", b"cd"], None, keep=3)
    asyncio.run(read(long))
    assert long.copy() is None


def test_an_empty_chunked_body_is_just_the_last_chunk():
    assert frame(b"", True, True) == b"0\r\n\r\n"
    assert frame(b"", True, False) == b""
