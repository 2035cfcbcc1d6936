"""legacy.ingress.response_head: what of a replica's answer reaches the client."""

from __future__ import annotations

import pytest

from legacy.errors import UpstreamError
from legacy.http.head import Header
from legacy.ingress.response_head import read_response

LENGTH = (b"content-length", b"5")


def kept(*headers: Header, status: int = 200, is_head: bool = False) -> list[Header]:
    return read_response(status, headers, is_head).headers


def test_headers_are_kept_in_order_and_in_lower_case():
    pairs = ((b"Set-Cookie", b"a=1"), LENGTH, (b"set-cookie", b"b=2"))
    assert kept(*pairs) == [(b"set-cookie", b"a=1"), LENGTH, (b"set-cookie", b"b=2")]


@pytest.mark.parametrize("name", [b"keep-alive", b"te", b"trailer", b"upgrade", b"Proxy-Authenticate", b"date"])
def test_hop_by_hop_headers_and_the_date_are_dropped(name: bytes):
    assert kept((name, b"v"), LENGTH) == [LENGTH]


def test_headers_named_in_connection_are_dropped():
    assert kept((b"x-a", b"1"), LENGTH, (b"connection", b"X-A, content-length")) == [LENGTH]


def test_the_transfer_encoding_is_left_to_the_front():
    assert kept((b"transfer-encoding", b"chunked"), (b"x", b"y")) == [(b"x", b"y")]


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [LENGTH, LENGTH],
        [LENGTH, (b"transfer-encoding", b"chunked")],
        [(b"transfer-encoding", b"gzip")],
        [(b"transfer-encoding", b"chunked"), (b"transfer-encoding", b"chunked")],
        [(b"content-length", b"+5")],
        [LENGTH, (b"", b"x")],
        [LENGTH, (b"a b", b"x")],
    ],
)
def test_an_answer_whose_end_is_in_doubt_is_an_upstream_error(headers: list[Header]):
    with pytest.raises(UpstreamError):
        read_response(200, headers, False)


def test_answers_without_a_body_need_no_framing():
    assert kept(status=204) == kept(status=304) == kept(is_head=True) == []
    assert kept(LENGTH, status=304) == kept(LENGTH, is_head=True) == [LENGTH]
    assert kept(LENGTH, status=204) == []


def test_a_refusal_is_one_only_with_status_503():
    mark = (b"x-serve-refused", b"1")
    assert read_response(503, (mark, LENGTH), False).refused
    assert not read_response(200, (mark, LENGTH), False).refused
    assert kept(mark, LENGTH) == [LENGTH]
