"""legacy.ingress.framing: what of a request's head is forwarded, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from legacy.http.head import Header
from legacy.http.refusal import Refusal
from legacy.ingress.framing import read_request, target, write_request
from legacy.ingress.header_rules import REQUEST_RULES

HOST = (b"host", b"x")


def forwarded(*headers: Header) -> list[bytes]:
    found = read_request([HOST, *headers])
    head = write_request("GET", b"/", found, b"") + b"\r\n"
    return head.split(b"\r\n")[1:-2]


def refusal(*headers: Header) -> int:
    with pytest.raises(Refusal) as caught:
        write_request("GET", b"/", read_request([HOST, *headers]), b"")
    return caught.value.status


def test_end_to_end_headers_keep_their_order_and_duplicates():
    pairs = [(b"cookie", b"a=1"), (b"accept", b"x"), (b"cookie", b"b=2"), (b"accept", b"y")]
    assert forwarded(*pairs) == [b"host: x", b"cookie: a=1", b"accept: x", b"cookie: b=2", b"accept: y"]


@pytest.mark.parametrize(
    "name",
    ["keep-alive", "proxy-connection", "proxy-authorization", "te", "trailer", "upgrade", "http2-settings"],
)
def test_hop_by_hop_headers_are_dropped(name: str):
    assert forwarded((name.encode(), b"v")) == [b"host: x"]


def test_headers_named_in_connection_are_dropped_wherever_they_stand():
    pairs = [(b"x-foo", b"1"), (b"connection", b"X-Foo, x-bar"), (b"x-bar", b"2"), (b"x-baz", b"3")]
    assert forwarded(*pairs) == [b"host: x", b"x-baz: 3"]


def test_connection_cannot_name_away_the_framing():
    pairs = [(b"connection", b"content-length, host"), (b"content-length", b"5")]
    assert forwarded(*pairs) == [b"host: x", b"content-length: 5"]


@pytest.mark.parametrize("name", ["x-serve-secret", "x-serve-call", "x-serve-new", "x_serve_secret", "x-serve_from"])
def test_internal_headers_of_a_client_are_dropped(name: str):
    assert forwarded((name.encode(), b"v")) == [b"host: x"]


@pytest.mark.parametrize("name", ["transfer_encoding", "content_length", "host_", "x_forwarded_for"])
def test_underscores_do_not_smuggle_a_filtered_name(name: str):
    kept = forwarded((name.encode(), b"1"))
    assert kept == ([b"host: x", b"host_: 1"] if name == "host_" else [b"host: x"])


def test_harmless_names_with_underscores_pass():
    assert forwarded((b"user_id", b"7")) == [b"host: x", b"user_id: 7"]


def test_shard_key_and_call_method_are_taken_out():
    found = read_request([HOST, (b"x-serve-shard-key", b"k"), (b"x-serve-call-method", b"other")])
    assert (found.shard_key, found.call_method, found.parts) == ("k", "other", [])


def test_a_sane_request_id_is_forwarded_and_another_one_is_not():
    assert read_request([HOST, (b"x-request-id", b"abc-1")]).request_id == b"abc-1"
    assert forwarded((b"x-request-id", b"abc-1")) == [b"host: x", b"x-request-id: abc-1"]
    assert forwarded((b"x-request-id", b"a b;c")) == [b"host: x"]


def test_forwarding_headers_are_kept_unless_connection_names_them():
    pair = (b"x-forwarded-for", b"1.2.3.4")
    assert forwarded(pair) == [b"host: x", b"x-forwarded-for: 1.2.3.4"]
    assert forwarded(pair, (b"connection", b"x-forwarded-for")) == [b"host: x"]


@pytest.mark.parametrize("value", [b"", b"+1", b"-1", b"0x1", b"1_0", b"1, 1", b"1" * 40, "²".encode()])
def test_a_length_that_is_no_decimal_number_is_refused(value: bytes):
    assert refusal((b"content-length", value)) == 400


def test_two_framings_are_refused():
    assert refusal((b"content-length", b"1"), (b"content-length", b"1")) == 400
    assert refusal((b"content-length", b"1"), (b"transfer-encoding", b"chunked")) == 400
    assert refusal((b"transfer-encoding", b"chunked"), (b"transfer-encoding", b"chunked")) == 501
    assert refusal((b"transfer-encoding", b"gzip, chunked")) == 501


def test_two_hosts_are_refused():
    assert refusal(HOST) == 400


@pytest.mark.parametrize("name", [b"", b"a b", b"a:", b"A", b"a\r\nb", "ä".encode()])
def test_a_name_that_is_no_lower_case_token_is_refused(name: bytes):
    assert refusal((name, b"v")) == 400


@pytest.mark.parametrize("value", [b"a\r\nx: y", b"a\nb", b"a\rb", b"a\0b"])
def test_a_value_that_could_end_its_line_is_refused(value: bytes):
    assert refusal((b"x", value)) == 400


def test_a_target_with_a_space_is_refused():
    with pytest.raises(Refusal):
        write_request("GET", b"/a b", read_request([HOST]), b"")


def test_unknown_expectations_are_refused():
    assert refusal((b"expect", b"tea")) == 417
    assert read_request([HOST, (b"expect", b"100-Continue")]).expects


@given(st.lists(st.tuples(st.binary(max_size=12), st.binary(max_size=12)), max_size=6))
def test_no_headers_whatsoever_can_add_or_split_a_line(headers: list[Header]):
    try:
        found = read_request([HOST, *headers])
        head = write_request("GET", b"/", found, b"x-added: 1\r\n")
    except Refusal:
        return
    lines = head.split(b"\r\n")
    known = {b"host", b"x-added", b"content-length", b"transfer-encoding", *(name for name, _ in headers)}
    assert all(line.split(b": ", 1)[0] in known for line in lines[1:-1])
    assert len(lines) == 2 + found.lines + 2 + (found.chunked or found.length is not None)


def test_names_are_learnt_only_up_to_a_bound():
    for number in range(5000):
        read_request([HOST, (b"x-%d" % number, b"v")])
    assert len(REQUEST_RULES) <= 2048


def test_the_clients_own_bytes_of_the_path_are_forwarded():
    assert target("/a/b\r\n", b"/a%2Fb%0d%0A", b"q=%20") == b"/a%2Fb%0d%0A?q=%20"


def test_a_path_rewritten_by_a_middleware_is_encoded():
    assert target("/new path/ä", b"/old", b"") == b"/new%20path/%C3%A4"
    assert target("/new", None, b"a=1") == b"/new?a=1"
