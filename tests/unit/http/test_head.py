"""legacy.http.head: a response head that cannot be misread."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from legacy.http.head import Framing, Header, write_head

GET = ("GET", "1.1", True)
LENGTH = (b"Content-Length", b"5")


def framed(headers: list[Header], status: int = 200, method: str = "GET", version: str = "1.1") -> Framing:
    return write_head(status, b"", headers, (method, version, True))[1]


def test_the_body_is_framed_by_what_is_known_of_it():
    assert framed([LENGTH]) is Framing.LENGTH
    assert framed([]) is Framing.CHUNKED
    assert framed([], version="1.0") is Framing.CLOSE
    assert framed([LENGTH], version="1.0") is Framing.LENGTH
    assert framed([], status=204) is framed([LENGTH], status=304) is framed([LENGTH], method="HEAD") is Framing.NONE


def test_the_head_is_written_line_by_line():
    head, _, length, stays = write_head(200, b"date: now\r\n", [LENGTH, (b"X-A", b"b")], GET)
    assert head == b"HTTP/1.1 200 OK\r\ndate: now\r\ncontent-length: 5\r\nx-a: b\r\n\r\n"
    assert (length, stays) == (5, True)


def test_the_application_may_close_but_not_choose_the_framing():
    headers = [(b"connection", b"Close"), (b"transfer-encoding", b"gzip"), (b"x", b"y")]
    head, framing, _, stays = write_head(200, b"", headers, GET)
    assert head == b"HTTP/1.1 200 OK\r\nx: y\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n"
    assert (framing, stays) == (Framing.CHUNKED, False)


@pytest.mark.parametrize(
    "header",
    [
        (b"", b"x"),
        (b"a b", b"x"),
        (b"a:", b"x"),
        (b"a\r\nb", b"x"),
        (b"x", b"a\r\nset-cookie: evil"),
        (b"x", b"a\nb"),
        (b"x", b"a\0b"),
        (b"content-length", b"-1"),
        (b"content-length", b"5, 5"),
    ],
)
def test_a_header_that_would_split_the_response_is_an_error(header: Header):
    with pytest.raises(RuntimeError):
        write_head(200, b"", [header], GET)


def test_two_lengths_are_an_error():
    with pytest.raises(RuntimeError):
        write_head(200, b"", [LENGTH, LENGTH], GET)


@given(st.lists(st.tuples(st.binary(max_size=8), st.binary(max_size=8)), max_size=5))
def test_no_headers_whatsoever_can_add_or_split_a_line(headers: list[Header]):
    try:
        head = write_head(200, b"", headers, GET)[0]
    except RuntimeError:
        return
    dropped = sum(name.lower() in (b"connection", b"transfer-encoding") for name, _ in headers)
    assert head.endswith(b"\r\n\r\n")
    assert head.count(b"\n") - 2 - head.count(b"\r\nconnection: close") <= len(headers) - dropped + 1
