"""HTTP/1.1 framing between the client and a replica: every head is read, judged and written anew, never relayed.

Pure: bytes and header lists in, bytes and verdicts out. What the two sides agree on:

    request   method target HTTP/1.1 | one Host | end-to-end headers in order | one framing header
              | the lines of `legacy.http.contract`
    response  status | end-to-end headers in order; the front frames the body again
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import quote, unquote

from legacy.http.contract import REQUEST_ID
from legacy.http.head import Header
from legacy.http.refusal import Refusal
from legacy.ingress.header_rules import (
    MAX_LENGTH_DIGITS,
    REQUEST_RULES,
    Rule,
    connection_names,
    judge_name,
)

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:+/=-]{1,128}")
_UNQUOTED = "/:@!$&'()*+,;=~-._"  # what may stand in a path as it is (RFC 3986), and hence need not be encoded


@dataclass(slots=True, eq=False)
class Inbound:
    """A client's request head after judgement.

    Attributes:
        parts: the header lines to forward, in pieces to be joined; Host first.
        lines: how many lines `parts` holds.
        length: the declared body length in bytes; None when there is none or the body is chunked.
        chunked: whether the body comes in chunks.
        expects: the client waits for "100 Continue" before it sends its body.
        shard_key, call_method: the X-Serve-* headers of the client, or None.
        request_id: the client's own x-request-id when it is a harmless token, else None.
    """

    parts: list[bytes] = field(default_factory=list)
    lines: int = 0
    length: int | None = None
    chunked: bool = False
    expects: bool = False
    host: bytes | None = None
    shard_key: str | None = None
    call_method: str | None = None
    request_id: bytes | None = None


def read_request(headers: Sequence[Header], named: frozenset[bytes] = frozenset()) -> Inbound:
    """Judge a request's headers and collect the ones to forward.

    Args:
        headers: (lower-case name, value) pairs as the server in front parsed them.
        named: names to drop because a Connection header lists them (filled in by the function itself).

    Raises:
        Refusal: the head is not one we can frame again without doubt.
    """
    found = Inbound()
    parts = found.parts
    for name, value in headers:
        rule = REQUEST_RULES.get(name)
        if rule is None:
            rule = judge_name(name, REQUEST_RULES)
        if rule:
            if rule is Rule.CONNECTION:
                more = connection_names(value)
                if not more <= named:
                    return read_request(headers, named | more)
            elif rule is Rule.FORWARDED:  # what nobody may believe is gone by now
                if name not in named:
                    parts += (name, b": ", value, b"\r\n")
                    found.lines += 1
            elif rule is not Rule.DROP:
                _special(found, rule, value)
        elif not named or name not in named:
            parts += (name, b": ", value, b"\r\n")
            found.lines += 1
    if found.chunked and found.length is not None:
        raise Refusal(400, "Content-Length and Transfer-Encoding in one request are not accepted.")
    return found


def _special(found: Inbound, rule: Rule, value: bytes) -> None:
    if rule is Rule.HOST:
        if found.host is not None:
            raise Refusal(400, "A request must have exactly one Host header.")
        found.host = value
    elif rule is Rule.LENGTH:
        found.length = _length(value, found.length)
    elif rule is Rule.CODING:
        if found.chunked or value.lower() != b"chunked":
            raise Refusal(501, "The only Transfer-Encoding accepted is chunked, once.")
        found.chunked = True
    elif rule is Rule.EXPECT:
        if value.lower() != b"100-continue":
            raise Refusal(417, "The only expectation known is 100-continue.")
        found.expects = True
    elif rule is Rule.SHARD_KEY:
        found.shard_key = value.decode("utf-8", "replace")
    elif rule is Rule.CALL_METHOD:
        # A name no Python method can have is passed on: the replica answers for it, as for any other missing method.
        found.call_method = value.decode("utf-8", "replace")
    elif rule is Rule.REQUEST_ID and found.request_id is None and _REQUEST_ID.fullmatch(value):
        found.request_id = value
        found.parts += (REQUEST_ID, b": ", value, b"\r\n")
        found.lines += 1


def _length(value: bytes, known: int | None) -> int:
    if not value.isdigit() or len(value) > MAX_LENGTH_DIGITS or known is not None:
        raise Refusal(400, "A request may have one Content-Length, a decimal number.")
    return int(value)


def target(path: str, raw_path: bytes | None, query: bytes) -> bytes:
    """The request target to forward: the client's own bytes, unless a middleware rewrote the path.

    Args:
        path: the decoded path the request was routed by.
        raw_path: the path as received; None when the server in front does not tell.
        query: the query string as received, without "?".
    """
    raw = raw_path or b""
    if raw != path.encode() and unquote(raw.decode("ascii", "replace")) != path:
        raw = quote(path, safe=_UNQUOTED).encode()
    return raw + b"?" + query if query else raw


def write_request(method: str, target_bytes: bytes, found: Inbound, added: bytes) -> bytes:
    """The forwarded head up to, but without, the lines that depend on the replica (`tail`).

    Args:
        added: further complete header lines of ours, each ending in CRLF.

    Raises:
        Refusal: something in it could end a line early, so that the replica would see another request than we do.
    """
    if found.chunked:
        framing = b"transfer-encoding: chunked\r\n"
    elif found.length is not None:
        framing = b"content-length: %d\r\n" % found.length
    else:
        framing = b""
    head = b"".join(
        (
            method.encode(),
            b" ",
            target_bytes,
            b" HTTP/1.1\r\nhost: ",
            found.host or b"",
            b"\r\n",
            *found.parts,
            framing,
            added,
        )
    )
    ends = 2 + found.lines + (1 if framing else 0) + added.count(b"\r\n")
    if head.count(b"\n") != ends or head.count(b"\r") != ends or b"\0" in head or b" " in target_bytes:
        raise Refusal(400, "A header value has characters that are not allowed.")
    return head
