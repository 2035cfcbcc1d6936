"""What a replica answers: its head is judged, filtered and given to the front, which frames the body again. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from legacy.errors import UpstreamError
from legacy.http.head import Header
from legacy.ingress.header_rules import (
    MAX_LENGTH_DIGITS,
    RESPONSE_RULES,
    Refusal,
    Rule,
    connection_names,
    judge_name,
)


@dataclass(slots=True, eq=False)
class Outbound:
    """A replica's response head after judgement.

    Attributes:
        headers: what to send to the client (without Transfer-Encoding: the front frames the body again).
        length: the declared body length in bytes, or None for a chunked or absent body.
        refused: the replica did not run user code (draining or full); another one may be asked.
    """

    headers: list[Header] = field(default_factory=list)
    length: int | None = None
    refused: bool = False


def has_no_body(status: int, is_head: bool) -> bool:
    """Whether a final response has no body whatever its headers say."""
    return is_head or status in (204, 304)


def read_response(status: int, headers: Sequence[Header], is_head: bool) -> Outbound:
    """Judge a replica's final response head.

    Raises:
        UpstreamError: its framing is ambiguous, so where the answer ends cannot be known.
    """
    found = Outbound()
    keep = found.headers
    chunked = False
    names: frozenset[bytes] = frozenset()
    for header in headers:
        rule = RESPONSE_RULES.get(header[0])
        if rule is None:
            header = (header[0].lower(), header[1])
            rule = _response_rule(header[0])
        if not rule:
            keep.append(header)
        elif rule is Rule.LENGTH:
            found.length = _response_length(header[1], found.length)
            keep.append(header)
        elif rule is Rule.CODING:
            if chunked or header[1].lower() != b"chunked":
                raise UpstreamError(f"The replica's answer has the Transfer-Encoding {header[1][:40]!r}.")
            chunked = True
        elif rule is Rule.CONNECTION:
            names |= connection_names(header[1])
        elif rule is Rule.REFUSED:
            found.refused = status == 503
    if names:
        found.headers = [header for header in keep if header[0] not in names or header[0] == b"content-length"]
    _check_framing(status, found, chunked, is_head)
    return found


def _response_rule(name: bytes) -> Rule:
    rule = RESPONSE_RULES.get(name)
    if rule is not None:
        return rule
    try:
        return judge_name(name, RESPONSE_RULES)
    except Refusal:
        raise UpstreamError("The replica's answer has a header name with characters that are not allowed.") from None


def _response_length(value: bytes, known: int | None) -> int:
    if not value.isdigit() or len(value) > MAX_LENGTH_DIGITS or known is not None:
        raise UpstreamError("The replica's answer has more than one Content-Length, or one that is not a number.")
    return int(value)


def _check_framing(status: int, found: Outbound, chunked: bool, is_head: bool) -> None:
    if chunked and found.length is not None:
        raise UpstreamError("The replica's answer has both Content-Length and Transfer-Encoding.")
    if status == 204 and found.length is not None:
        found.headers = [header for header in found.headers if header[0] != b"content-length"]
        found.length = None
    if not chunked and found.length is None and not has_no_body(status, is_head):
        raise UpstreamError("The replica's answer does not say where its body ends.")
