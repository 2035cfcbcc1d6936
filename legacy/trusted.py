"""Which peers are believed when they say for whom they ask: addresses, networks, or everybody. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Any

LOOPBACK = ("127.0.0.1", "::1")  # proxies on this machine are believed, as in every original
EVERYBODY = "*"  # instead of an address: whoever it is


class Trusted:
    """Some peers.

    Args:
        names: addresses, networks such as 10.0.0.0/8, or `EVERYBODY`; another text means only itself, where a proxy
            names another one so.

    Attributes:
        everybody: all peers are meant, also one without an address.
    """

    def __init__(self, names: Iterable[str] = LOOPBACK) -> None:
        self._names = frozenset(names)
        self.everybody = EVERYBODY in self._names
        self._networks = [network for name in self._names if (network := _network(name)) is not None]

    def __contains__(self, host: str | None) -> bool:
        if self.everybody:
            return True
        if not host:
            return False
        address = _address(host)
        return host in self._names if address is None else any(address in network for network in self._networks)


def peers(names: Iterable[str] | None, environment: str) -> Trusted:
    """Who is believed by these names or, when there are none, by a text of FORWARDED_ALLOW_IPS, as uvicorn reads it."""
    return Trusted((_split(environment) or LOOPBACK) if names is None else names)


def checked(value: Any) -> Any:
    """Names as they were given, or the names in a text with commas.

    Raises:
        ValueError: one of them is neither an address nor a network nor everybody.
    """
    names = _split(value) if isinstance(value, str) else value
    for name in names if isinstance(names, (tuple, list, set, frozenset)) else ():
        if isinstance(name, str) and name != EVERYBODY and _network(name) is None:
            raise ValueError(
                f"{name!r} is neither an address nor a network; give addresses such as '10.0.0.7' or '::1', networks "
                f"such as '10.0.0.0/8', or {EVERYBODY!r} for everybody"
            )
    return names


def _split(text: str) -> tuple[str, ...]:
    return tuple(name for part in text.split(",") if (name := part.strip()))


def _network(name: str) -> Any:
    try:
        return ipaddress.ip_network(name, strict=False)
    except ValueError:
        return None


def _address(host: str) -> Any:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address  # how a socket for both families shows an IPv4 peer
