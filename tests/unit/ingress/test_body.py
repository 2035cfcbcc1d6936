"""legacy.ingress.body: a client's body is read once, framed anew and replayed while it is small."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from legacy.constants import WHOLE_BYTES
from legacy.errors import QueueFullError
from legacy.ingress.body import PIECE, REPLAY_BYTES, ClientGoneError, RequestBody, frame
from legacy.ingress.budget import SMALL, Budget, Share

MIB = 2**20


def body_of(
    pieces: list[bytes],
    length: int | None,
    keep: int = REPLAY_BYTES,
    share: Share | None = None,
    disk: Share | None = None,
) -> RequestBody:
    waiting = list(pieces)

    async def receive() -> dict[str, Any]:
        piece = waiting.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(waiting)}

    budget = Budget(0)
    budget.requests, budget.disk = share or Share(100 * MIB), disk or Share(0)
    return RequestBody(receive, length, budget, keep)


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


@pytest.mark.parametrize(
    ("size", "declared", "held"),
    [
        (200_000, True, 200_000),
        (WHOLE_BYTES, True, WHOLE_BYTES),
        (WHOLE_BYTES, False, WHOLE_BYTES),
        (WHOLE_BYTES + 1, True, 80_000),  # two pieces, more than REPLAY_BYTES
        (WHOLE_BYTES + 1, False, WHOLE_BYTES + 1),
        (WHOLE_BYTES + MIB, False, 210 * 40_000),  # until more than WHOLE_BYTES have come
    ],
)
def test_what_fits_is_read_whole_and_of_a_longer_one_the_beginning(size: int, declared: bool, held: int):
    share = Share(100 * MIB)
    whole = b"x" * size
    pieces = [whole[begin : begin + 40_000] for begin in range(0, size, 40_000)]
    body = body_of(pieces, size if declared else None, share=share)
    asyncio.run(body.prefetch())
    assert (share.used, body.done, body.streams) == (held, held == size, size > WHOLE_BYTES)
    sent = asyncio.run(read(body))
    assert len(sent if declared else unchunked(sent)) == size
    body.close()
    assert share.used == 0


def test_it_is_sent_in_pieces_and_each_is_given_back_with_it():
    share = Share(100 * MIB)
    body = body_of([b"x" * 100_000] * 30, 3_000_000, share=share)

    async def play() -> None:
        await body.prefetch()
        left = 3_000_000
        while not body.at_end:
            piece = await body.next()
            left -= len(piece)
            assert len(piece) <= PIECE + 100_000
            assert share.used == left

    asyncio.run(play())


def test_a_known_length_that_does_not_fit_is_refused_before_anything_is_read():
    share = Share(MIB)
    share.take(MIB - 10_000)
    with pytest.raises(QueueFullError, match="max_buffered_bytes"):
        asyncio.run(body_of([], 10_001, share=share).prefetch())
    asyncio.run(body_of([b"x" * 10_000], 10_000, share=share).prefetch())
    asyncio.run(body_of([b"x" * SMALL], SMALL, share=share).prefetch())  # weighs no more than a request without one


def test_an_unknown_length_is_refused_when_it_does_not_fit_any_more():
    share = Share(100_000)
    body = body_of([b"x" * 40_000] * 3, None, share=share)
    with pytest.raises(QueueFullError):
        asyncio.run(body.prefetch())
    body.close()
    assert share.used == 0


def test_what_does_not_fit_into_the_half_for_long_ones_is_put_aside_on_disk():
    share, disk = Share(8 * MIB), Share(8 * MIB)
    share.take(3 * MIB)
    pieces = [bytes([number]) * 100_000 for number in range(30)]
    body = body_of(pieces, 3_000_000, share=share, disk=disk)

    async def play() -> None:
        await body.prefetch()
        assert (body.streams, body.done) == (False, True)
        assert 4 * MIB - 100_000 < share.used <= 4 * MIB
        assert share.used + disk.used == 3 * MIB + 3_000_000
        assert await read(body) == b"".join(pieces)
        body.close()
        assert (share.used, disk.used) == (3 * MIB, 0)

    asyncio.run(play())


def test_a_chunked_one_that_was_put_aside_and_is_too_long_goes_on_as_a_stream():
    share, disk = Share(MIB), Share(9 * MIB)
    pieces = [bytes([number]) * 100_000 for number in range(120)]
    body = body_of(pieces, None, share=share, disk=disk)

    async def play() -> None:
        await body.prefetch()
        assert (body.streams, body.done) == (True, False)
        assert unchunked(await read(body)) == b"".join(pieces)
        body.close()
        assert (share.used, disk.used) == (0, 0)

    asyncio.run(play())


def test_a_full_disk_refuses_who_has_begun_to_use_it():
    share, disk = Share(MIB), Share(200_000)
    body = body_of([b"x" * 100_000] * 12, 1_200_000, share=share, disk=disk)

    async def play() -> None:
        with pytest.raises(QueueFullError):
            await body.prefetch()
        body.close()

    asyncio.run(play())
    assert (share.used, disk.used) == (0, 0)


@pytest.mark.parametrize("disk_bytes", [0, 8 * MIB])
def test_without_a_usable_disk_a_long_one_streams(monkeypatch: pytest.MonkeyPatch, disk_bytes: int):
    def no_file(**_: Any) -> Any:
        raise OSError("no space left on device")

    monkeypatch.setattr("tempfile.TemporaryFile", no_file)
    share, disk = Share(8 * MIB), Share(disk_bytes)
    share.take(3 * MIB)
    body = body_of([b"x" * 100_000] * 30, 3_000_000, share=share, disk=disk)
    asyncio.run(body.prefetch())
    assert (body.streams, body.done) == (True, False)
    assert 4 * MIB < share.used < 4 * MIB + 100_000
    assert len(asyncio.run(read(body))) == 3_000_000
    body.close()
    assert (share.used, disk.used) == (3 * MIB, 0)


@settings(deadline=None)  # a new event loop per example
@given(
    st.lists(st.integers(0, 300_000), min_size=1, max_size=12),
    st.integers(0, 2),
    st.integers(0, 2),
    st.booleans(),
    st.booleans(),
)
def test_whatever_is_remembered_is_counted_and_sent(
    sizes: list[int], room_mib: int, disk_mib: int, chunked: bool, shadowed: bool
):
    share, disk = Share(room_mib * MIB), Share(disk_mib * MIB)
    pieces = [bytes([number]) * size for number, size in enumerate(sizes)]
    keep = MIB if shadowed else REPLAY_BYTES
    body = body_of(pieces, None if chunked else sum(sizes), keep, share, disk)

    async def play() -> None:
        with contextlib.suppress(QueueFullError):
            await body.prefetch()
            await body.next()
            if body.replayable:
                body.rewind()
                sent = b""
            else:
                return
            while not body.at_end:
                sent += await body.next()
                kept = sum(map(len, body._pieces))
                assert kept - SMALL <= share.used <= kept
            assert (unchunked(sent) if chunked else sent) == b"".join(pieces)
        body.close()

    asyncio.run(play())
    asyncio.run(closed(body))
    assert (share.used, disk.used) == (0, 0)


async def closed(body: RequestBody) -> None:
    body.close()


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


@pytest.mark.parametrize("size", [1, 2, 100, 511, 512, 5000])
def test_a_body_in_crumbs_holds_about_what_is_counted(size: int):
    async def play() -> None:
        sent = b"".join(b"%06d" % number for number in range(20_000))
        pieces = [sent[at : at + size] for at in range(0, len(sent), size)]
        body = body_of(pieces, len(sent))
        await body.prefetch()
        assert sum(map(sys.getsizeof, body._pieces)) < 1.2 * body.held
        assert await read(body) == sent
        body.close()

    asyncio.run(play())
