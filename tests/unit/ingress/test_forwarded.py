"""legacy.ingress.forwarded: what is taken from X-Forwarded-For and -Proto, beside what uvicorn makes of them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from legacy.http.head import Header
from legacy.ingress.forwarded import put_right, take_over
from legacy.trusted import Trusted

PEER, SERVER = ("127.0.0.1", 4321), ("10.0.0.5", 8000)
PROXIES = ["127.0.0.1", "10.0.0.0/8", "::1"]
HOSTS = st.sampled_from(["9.9.9.9", "10.0.0.7", "127.0.0.1", "2001:db8::5", "::1", "unknown", "", " 8.8.8.8 ", "a b"])
LINES = st.lists(
    st.tuples(st.just(b"x-forwarded-for"), st.lists(HOSTS, min_size=1).map(lambda all_: ",".join(all_).encode()))
    | st.tuples(st.just(b"x-forwarded-proto"), st.sampled_from([b"http", b"https", b" https ", b"wss", b"gopher", b""]))
    | st.tuples(st.just(b"accept"), st.just(b"*/*")),
    max_size=5,
)


def scope_of(headers: list[Header]) -> dict[str, Any]:
    return {"type": "http", "client": PEER, "server": SERVER, "scheme": "http", "headers": list(headers)}


def told(*headers: Header, trusted: Trusted | None = None) -> tuple[Any, str]:
    scope = scope_of(list(headers))
    take_over(scope, trusted or Trusted(PROXIES))
    return scope["client"], scope["scheme"]


@given(LINES, st.sampled_from(["*", PROXIES]))
def test_a_trusted_peer_is_understood_as_uvicorn_understands_it(lines, names):
    # uvicorn before 0.36 looked at one of several lines only
    several = sum(name == b"x-forwarded-for" for name, _ in lines) > 1
    wanted, ours = scope_of(lines), scope_of(lines)

    async def nothing(*_: Any) -> None:
        return None

    middleware = ProxyHeadersMiddleware(nothing, trusted_hosts=names)  # type: ignore[arg-type]
    asyncio.run(middleware(wanted, nothing, nothing))  # type: ignore[arg-type]
    take_over(ours, Trusted(names))
    assert (ours["scheme"], ours["headers"]) == (wanted["scheme"], wanted["headers"])
    assert several or ours["client"] == wanted["client"]


@pytest.mark.parametrize(
    ("chain", "client"),
    [
        (b"9.9.9.9", ("9.9.9.9", 0)),
        (b"9.9.9.9:5555", ("9.9.9.9", 5555)),
        (b"[2001:db8::1]:443", ("2001:db8::1", 443)),
        (b"[2001:db8::1]", ("2001:db8::1", 0)),
        (b"2001:db8::1", ("2001:db8::1", 0)),
        (b"6.6.6.6, 9.9.9.9, 10.0.0.2, [::1]:80", ("9.9.9.9", 0)),
        (b"10.0.0.3, 10.0.0.2", ("10.0.0.3", 0)),
        (b"9.9.9.9:99999", ("9.9.9.9", 0)),
        (b"9.9.9.9:http", ("9.9.9.9:http", 0)),
        (b"[::1", ("[::1", 0)),
        (b"[::2]x", ("[::2]x", 0)),
        (b"unknown", ("unknown", 0)),
        (b"\xe4\r b", ("\xe4\r b", 0)),
        (b"", PEER),
        (b"9.9.9.9,", PEER),
        (b"x" * 256, PEER),
    ],
)
def test_the_client_is_the_last_one_that_is_no_proxy_of_ours(chain, client):
    assert told((b"x-forwarded-for", chain)) == (client, "http")


def test_lines_of_one_name_are_one_chain_and_the_last_scheme_counts():
    lines = [(b"x-forwarded-for", b"6.6.6.6"), (b"x-forwarded-for", b"9.9.9.9"), (b"x-forwarded-for", b"10.0.0.1")]
    assert told(*lines)[0] == ("9.9.9.9", 0)
    assert told((b"x-forwarded-proto", b"https"), (b"x-forwarded-proto", b"http"))[1] == "http"


def test_everybodys_first_one_is_the_client():
    assert told((b"x-forwarded-for", b"6.6.6.6, 10.0.0.1"), trusted=Trusted("*"))[0] == ("6.6.6.6", 0)


def test_what_a_stranger_claims_is_replaced_in_place_by_what_is_true():
    scope = scope_of(
        [
            (b"host", b"x"),
            (b"x-forwarded-for", b"6.6.6.6"),
            (b"forwarded", b"for=6.6.6.6"),
            (b"x-forwarded-for", b"7.7.7.7"),
            (b"x-forwarded-proto", b"https"),
            (b"x-forwarded-host", b"evil"),
        ]
    )
    headers = scope["headers"]
    put_right(scope)
    true = [(b"x-forwarded-for", b"127.0.0.1"), (b"x-forwarded-proto", b"http")]
    assert scope == scope_of([(b"host", b"x"), *true])
    assert scope["headers"] is headers


def test_a_stranger_without_an_address_has_none():
    scope = {**scope_of([(b"x-forwarded-for", b"6.6.6.6")]), "client": None}
    put_right(scope)
    assert scope["headers"] == []
