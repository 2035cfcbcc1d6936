"""What happens to each header name on its way through the proxy; unknown names are judged once and learnt."""

from __future__ import annotations

import re
from enum import IntEnum

from legacy.http.contract import CALL_METHOD, FORWARDING, OURS, REFUSED, REQUEST_ID, SHARD_KEY
from legacy.http.refusal import Refusal

MAX_LENGTH_DIGITS = 18
_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


class Rule(IntEnum):
    """What happens to a header of a known name."""

    KEEP = 0
    DROP = 1
    HOST = 2
    LENGTH = 3
    CODING = 4
    CONNECTION = 5
    EXPECT = 6
    SHARD_KEY = 7
    CALL_METHOD = 8
    REQUEST_ID = 9
    FORWARDED = 10
    REFUSED = 11


_HOP_BY_HOP = (
    b"keep-alive",
    b"proxy-connection",
    b"proxy-authenticate",
    b"proxy-authorization",
    b"te",
    b"trailer",
    b"upgrade",
    b"http2-settings",
)
_CACHE_LIMIT = 2048  # names learnt from clients; beyond it unknown names are judged each time

REQUEST_RULES: dict[bytes, Rule] = {
    **dict.fromkeys(_HOP_BY_HOP, Rule.DROP),
    **dict.fromkeys(FORWARDING, Rule.FORWARDED),
    b"host": Rule.HOST,
    b"content-length": Rule.LENGTH,
    b"transfer-encoding": Rule.CODING,
    b"connection": Rule.CONNECTION,
    b"expect": Rule.EXPECT,
    SHARD_KEY.lower().encode(): Rule.SHARD_KEY,
    CALL_METHOD.lower().encode(): Rule.CALL_METHOD,
    REQUEST_ID: Rule.REQUEST_ID,
}
RESPONSE_RULES: dict[bytes, Rule] = {
    **dict.fromkeys(_HOP_BY_HOP, Rule.DROP),
    b"connection": Rule.CONNECTION,
    b"content-length": Rule.LENGTH,
    b"transfer-encoding": Rule.CODING,
    b"date": Rule.DROP,  # the front adds its own
    REFUSED[0]: Rule.REFUSED,
}


def judge_name(name: bytes, rules: dict[bytes, Rule]) -> Rule:
    """The rule for a name seen for the first time; learnt, as long as there is room."""
    if not _TOKEN.fullmatch(name) or name != name.lower():
        raise Refusal(400, "A header name has characters that are not allowed.")
    rule = Rule.KEEP
    if name.startswith(OURS):
        rule = Rule.DROP
    elif b"_" in name:
        # Environ-style frameworks read x_y as x-y: such a name must not smuggle in what we filter by its real name.
        real = name.replace(b"_", b"-")
        if real.startswith(OURS) or rules.get(real, Rule.KEEP) is not Rule.KEEP:
            rule = Rule.DROP
    if len(rules) < _CACHE_LIMIT and len(name) <= 64:
        rules[name] = rule
    return rule


def connection_names(value: bytes) -> frozenset[bytes]:
    """The header names a Connection header lists, in lower case."""
    if value in (b"keep-alive", b"Keep-Alive", b"close"):
        return frozenset()
    names = {token.strip().lower() for token in value.split(b",")}
    return frozenset(names - {b"", b"close", b"keep-alive"})
