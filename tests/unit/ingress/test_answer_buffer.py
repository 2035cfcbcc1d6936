"""legacy.ingress.answer_buffer: what a slow client has not read, in order, within the budget."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from legacy.ingress.answer_buffer import CHUNK_COST, HIGH_WATER, MOST_BYTES, PIECE, AnswerBuffer
from legacy.ingress.budget import Share

MIB = 2**20


def add(buffer: AnswerBuffer, chunk: bytes) -> None:
    buffer.chunks.append(chunk)
    buffer.size += len(chunk) + CHUNK_COST


def drained(buffer: AnswerBuffer) -> list[bytes]:
    pieces = []
    while buffer.size:
        pieces.append(buffer.take())
    return pieces


@given(st.lists(st.integers(1, 3 * PIECE), max_size=8))
def test_bytes_come_out_in_order_and_in_pieces_of_a_bounded_size(sizes: list[int]):
    buffer = AnswerBuffer()
    chunks = [bytes([number]) * size for number, size in enumerate(sizes)]
    for chunk in chunks:
        add(buffer, chunk)
    pieces = drained(buffer)
    assert b"".join(pieces) == b"".join(chunks)
    assert all(len(piece) < PIECE + max(sizes) for piece in pieces)
    assert buffer.take() == b""


def test_alone_it_is_full_at_the_high_water():
    buffer = AnswerBuffer()
    add(buffer, b"x" * (HIGH_WATER - 64))
    assert not buffer.is_full()
    add(buffer, b"x")
    assert buffer.is_full()
    assert not buffer.is_low()


def test_bytes_in_many_small_chunks_count_for_the_memory_they_take():
    buffer = AnswerBuffer()
    for _ in range(HIGH_WATER // 64):
        add(buffer, b"x")
    assert buffer.is_full()


def test_it_borrows_as_long_as_there_is_something_and_gives_all_of_it_back():
    share = Share(100 * MIB)
    buffers = [AnswerBuffer() for _ in range(40)]
    for buffer in buffers:
        buffer.borrow_from(share)
        add(buffer, b"x" * MOST_BYTES)
    assert [buffer.is_full() for buffer in buffers] == [False] * 25 + [True] * 15
    assert share.used <= share.limit
    for buffer in buffers:
        buffer.settle()
        buffer.settle()
    assert share.used == 0


def test_one_answer_does_not_borrow_everything():
    share, buffer = Share(100 * MIB), AnswerBuffer()
    buffer.borrow_from(share)
    add(buffer, b"x" * 50 * MIB)
    assert buffer.is_full()
    assert share.used == MOST_BYTES
