"""For whom a peer says it asks (X-Forwarded-For, X-Forwarded-Proto). Pure.

The originals left this to uvicorn, and the rules are uvicorn's: a proxy appends its peer to X-Forwarded-For, so the
client is the last one there that is no trusted proxy itself, or else the first one; of several X-Forwarded-Proto the
last one counts; what cannot be used changes nothing. Here, besides, nobody sees what an untrusted peer claims.
"""

from __future__ import annotations

from typing import Any

from legacy.http.contract import FORWARDED_FOR, FORWARDED_PROTO, FORWARDING, LONGEST_HOST
from legacy.http.head import Header
from legacy.trusted import Trusted

_SCHEMES = frozenset((b"http", b"https", b"ws", b"wss"))


def client_of(chain: str, trusted: Trusted) -> tuple[str, int]:
    """Host and port of the client; the port is mostly 0, and the host "" when the value names nobody.

    Args:
        chain: the value of X-Forwarded-For, its lines joined with commas.
    """
    hosts = [_host_and_port(one.strip()) for one in chain.split(",")]
    if not trusted.everybody:
        for found in reversed(hosts):
            if found[0] not in trusted:
                return found
    return hosts[0]


def take_over(scope: Any, trusted: Trusted) -> None:
    """Let the scope say what a trusted peer's headers say: client and scheme."""
    chain, proto = [], b""
    for name, value in scope["headers"]:
        if name == FORWARDED_FOR:
            chain.append(value)
        elif name == FORWARDED_PROTO:
            proto = value.strip()
    if proto in _SCHEMES:
        scope["scheme"] = proto.decode("ascii")
    if chain:
        client = client_of(b",".join(chain).decode("latin-1"), trusted)
        if 0 < len(client[0]) <= LONGEST_HOST:
            scope["client"] = client


def put_right(scope: Any) -> None:
    """Replace what another peer claims by what is true, in the scope's own list of headers."""
    client = scope["client"]
    true = {FORWARDED_FOR: client[0] if client else "", FORWARDED_PROTO: scope["scheme"]}
    headers: list[Header] = []
    for name, value in scope["headers"]:
        if name not in FORWARDING:
            headers.append((name, value))
        elif known := true.pop(name, ""):
            headers.append((name, known.encode("ascii", "replace")))
    scope["headers"][:] = headers


def _host_and_port(text: str) -> tuple[str, int]:
    """1.2.3.4, 1.2.3.4:5, [::1]:5 or ::1; anything else is a host as it stands."""
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if bracket and (not rest or rest.startswith(":")):
            return host, _port(rest[1:])
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
        if port.isascii() and port.isdigit():
            return host, _port(port)
    return text, 0


def _port(text: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0
    return number if number < 65536 else 0
