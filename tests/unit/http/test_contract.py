"""legacy.http.contract: what proxies write, replicas read."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from legacy.http.contract import (
    LONGEST_HOST,
    OURS,
    REFUSED,
    Origin,
    Routed,
    call_line,
    origin_line,
    read_call,
    read_origin,
    secret_line,
    take_call,
    take_origin,
    take_secret,
)
from legacy.http.head import Header
from legacy.ingress.header_rules import REQUEST_RULES, RESPONSE_RULES, Rule, judge_name

PLAIN = (b"host", b"x")
PARAMS = st.dictionaries(st.text(), st.text() | st.integers() | st.floats(allow_nan=False))


def parsed(lines: bytes) -> list[Header]:
    """Header lines as a server's parser gives them."""
    pairs = (line.split(b": ", 1) for line in lines.split(b"\r\n") if line)
    return [PLAIN, *((name, value) for name, value in pairs)]


@given(st.builds(Routed, st.text(), st.text(), PARAMS))
def test_a_replica_reads_the_routing_that_the_proxy_wrote(routed):
    line = call_line(routed)
    assert line.endswith(b"\r\n\r\n")
    assert line.count(b"\r") == line.count(b"\n") == 2
    headers = parsed(line)
    value = take_call(headers)
    assert value is not None
    assert (read_call(value), headers) == (routed, [PLAIN])


HOST = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=LONGEST_HOST)
PORT = st.integers(0, 65535)
SERVER = st.none() | st.tuples(HOST, st.none() | PORT)


@given(st.builds(Origin, st.none() | st.tuples(HOST, PORT), st.sampled_from(["http", "https", "ws", "wss"]), SERVER))
def test_a_replica_reads_the_clients_connection_that_the_proxy_wrote(origin):
    line = origin_line(origin)
    assert line.count(b"\r") == line.count(b"\n") == 1
    headers = parsed(line + secret_line("s") + call_line(Routed("", "", {})))
    assert take_origin(headers) is None
    assert (take_secret(headers), take_call(headers)) == (b"s", b"m=&r=&p=")
    value = take_origin(headers)
    assert value is not None
    assert (read_origin(value), headers) == (origin, [PLAIN])


def test_a_connection_is_short_text_whatever_a_middleware_made_of_it():
    odd = Origin(("x" * 10_000, "http"), "\ud800\r\n", ["::1", None])  # type: ignore[arg-type]
    line = origin_line(odd)
    assert len(line) < 1000
    assert read_origin(line.split(b": ")[1][:-2]) == (("x" * LONGEST_HOST, 0), "?\r\n", ("::1", None))
    assert origin_line(Origin(("::1", 5), "http", ("10.0.0.1", 80))) == b"x-serve-from: ::1&5&http&10.0.0.1&80\r\n"
    assert origin_line(Origin(None, "http", None)) == b"x-serve-from: &&http&&\r\n"


@given(st.text("0123456789abcdef", min_size=1))
def test_the_secret_is_read_where_it_was_written(secret):
    headers = parsed(secret_line(secret) + call_line(Routed("", "/r", {})))
    assert take_secret(headers) == secret.encode()
    assert take_call(headers) == b"m=&r=/r&p="
    assert headers == [PLAIN]


def test_without_a_line_nothing_is_taken():
    for headers in ([], [PLAIN], [PLAIN, PLAIN]):
        before = list(headers)
        assert (take_call(headers), take_secret(headers), headers) == (None, b"", before)


def test_the_lines_encode_their_values():
    line = call_line(Routed("a&b", "/t x", {"x": 5, "y": "a b"}))
    assert line == b"x-serve-call: m=a%26b&r=/t%20x&p=%7B%22x%22%3A%205%2C%20%22y%22%3A%20%22a%20b%22%7D\r\n\r\n"
    assert call_line(Routed("", "/r", {})) == b"x-serve-call: m=&r=/r&p=\r\n\r\n"
    assert secret_line("00ff") == b"x-serve-secret: 00ff\r\n"


def test_no_client_can_write_a_line_of_ours_and_none_sees_one():
    for lines in (call_line(Routed("", "", {})), secret_line("s"), origin_line(Origin(None, "http", None))):
        name = lines.partition(b":")[0]
        assert name.startswith(OURS)
        assert judge_name(name, dict(REQUEST_RULES)) is Rule.DROP
    assert judge_name(REFUSED[0], dict(REQUEST_RULES)) is Rule.DROP
    assert RESPONSE_RULES[REFUSED[0]] is Rule.REFUSED
