"""uvicorn's HTTP/1.1 protocol plus the limits and strictness it does not have, for ports that strangers reach.

uvicorn waits for ever for half a head, accepts heads of any size, two Host headers, HTTP/0.9 and a Transfer-Encoding it
cannot decode, and loses a request that is pipelined behind an Upgrade. What is refused here has no effect: no task, no
place at a replica. A refusal is written after the answers to the requests before it, and the connection is then closed.

Names of uvicorn that are not public are used; tests/http checks them against the versions pyproject.toml allows.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import httptools

from legacy.constants import FEW, SMALL
from legacy.http import absolute
from legacy.http.contract import FORWARDING
from legacy.http.cycle import Cycle
from legacy.http.head import Header
from legacy.http.limits import Limits, check_size
from legacy.http.refusal import Refusal
from legacy.http.refusing import RefusingProtocol

_BAD_TARGET = re.compile(rb"[^\x21-\x7e]|#")
_HOST = re.compile(
    rb"(?:\[[0-9A-Fa-f:.]+(?:%25[A-Za-z0-9._~-]+)?\]|[A-Za-z0-9._~%!$&'()*+;=-]*)(?::(?P<port>[0-9]{0,5}))?"
)
_LAST_PORT = 65535
_KNOWN_HOSTS = 1024  # values that were fine once, and need not be looked at again
_known_hosts: set[bytes] = set()
_INVALID = "Invalid HTTP request received."
_UPGRADE_WITH_BODY = "An Upgrade request must not have a body."


class GuardProtocol(RefusingProtocol):
    """One connection of somebody who may send anything."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head_bytes = 0  # of an unfinished head, up to the segment that is being parsed
        self._segment = 0
        self._noise = 0  # bytes since the last piece of content
        self._holds = False  # this segment brought more of a body than is left uncounted
        self._hosts = 0
        self._codings = 0
        self._has_body = False
        self.forwards = False  # the head says for whom the peer asks, whoever that is

    # asyncio

    def data_received(self, data: bytes) -> None:
        if self._deaf:
            self.on_foreign(data)
            return
        self._last_data = self.loop.time()
        self._segment = len(data)
        self._noise += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._deaf = True  # what follows is not HTTP/1.1 any more
            self.on_upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserError:
            self._refuse(self._refusal or Refusal(400, _INVALID))
        else:
            if self._noise > self.LIMITS.noise_bytes or self._in_head:
                self._check_unfinished()
            elif self._holds:
                self._holds = False
                self.on_segment_held()

    # the parser

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True
        self._head_since = self._last_data
        self._head_bytes = 0
        self._hosts = self._codings = 0
        self._has_body = self.forwards = False

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._in_head:
            return  # a trailer: it must not become a header of the request, or of the next one
        name = name.lower()
        if name in _JUDGED:
            self._judge(name, value)
        self.headers.append((name, value))

    def _judge(self, name: bytes, value: bytes) -> None:
        if name == b"host":
            self._hosts += 1
            if value not in _known_hosts:
                self._check_host(value)
        elif name == b"transfer-encoding":
            self._codings += 1
            self._has_body = True
            if value.lower() != b"chunked":
                self._stop(501, "The only Transfer-Encoding accepted is chunked.")
        elif name == b"content-length":
            self._has_body = self._has_body or value != b"0"
        elif name != b"expect":
            self.forwards = True
        elif value.lower() == b"100-continue":
            self.expect_100_continue = True
        else:
            self._stop(417, "The only expectation known is 100-continue.")

    def check_head(self, method: str, version: str, upgrades: bool) -> None:
        self._in_head = False
        self._noise = 0
        limits = self.LIMITS
        size = self._head_bytes + self._segment
        if len(self.url) > limits.target_bytes or len(self.headers) > limits.headers:
            self._check_size(self._head_bytes)
        if size > limits.head_bytes:
            self._check_size(self.head_size(self.headers))
        if len(self.pipeline) >= limits.pipelined:
            self._stop(429, f"More than {limits.pipelined} requests wait here for the answer to the one before them.")
        self._check_request(method, version)
        if upgrades:
            self._check_upgrade(method, version)
        if size > SMALL or len(self.headers) > FEW or self.running is not None:
            self.on_costly_head()
        if self.forwards:
            self.on_forwarding()

    def make_upgrade_cycle(self, scope: Any, keep_alive: bool) -> Cycle:
        """An Upgrade to something else is ignored, but nothing can be parsed behind it."""
        return super().make_upgrade_cycle(scope, False)

    def on_upgrade(self, data: bytes) -> None:
        """The head of an Upgrade is complete, and `data` came right behind it."""
        self.on_foreign(data)

    def on_foreign(self, data: bytes) -> None:
        """Bytes behind a refusal or an Upgrade: nobody reads them, unless a subclass does."""

    def on_segment_held(self) -> None:
        """A segment has ended, and what it brought of a body is held for the application."""

    def on_forwarding(self) -> None:
        """The head, whose `scope` is known, says for whom the peer asks."""

    def on_part_of_head(self, size: int) -> None:
        """So many bytes of an unfinished head have come; a `Refusal` ends it here."""

    def on_costly_head(self) -> None:
        """A head is complete that may be long or waits behind another request; a `Refusal` may stop the parser."""

    def head_size(self, headers: Sequence[Header]) -> int:
        """Bytes of a head with these headers."""
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in headers)

    def on_body(self, body: bytes) -> None:
        self._noise = 0
        super().on_body(body)

    def _check_request(self, method: str, version: str) -> None:
        if version != "1.1":
            if version != "1.0":
                self._stop(505, "Only HTTP/1.1 and HTTP/1.0 are spoken here.")
            if self._codings:
                self._stop(400, "HTTP/1.0 has no Transfer-Encoding.")
        if self._hosts != 1 and (self._hosts or version == "1.1"):
            self._stop(400, "A request must have exactly one Host header.")
        if self._codings > 1:
            self._stop(400, "A request may have one Transfer-Encoding.")
        if method == "CONNECT":
            self._stop(501, "This is not a tunnel.")
        if _BAD_TARGET.search(self.url) or not (self.url[:1] == b"/" or (self.url == b"*" and method == "OPTIONS")):
            self._take_absolute(method)

    def _take_absolute(self, method: str) -> None:
        found = absolute.split(self.url, method)
        if found is None or _BAD_TARGET.search(self.url):
            self._stop(400, "The request target must be a path, or begin with http:// and a host.")
            return
        authority, self.url = found
        self._check_host(authority)
        self.headers[:] = absolute.with_host(self.headers, authority)  # the scope has this list

    def _check_upgrade(self, method: str, version: str) -> None:
        if self._has_body:
            self._stop(400, _UPGRADE_WITH_BODY)
        values = [value.lower() for name, value in self.headers if name == b"upgrade"]
        if b"websocket" not in b",".join(values):
            return
        if values != [b"websocket"] or version != "1.1" or method != "GET":
            self._stop(400, "A websocket needs GET, HTTP/1.1 and exactly one Upgrade.")
        if self.running is not None:
            self._stop(400, "A websocket cannot be pipelined behind another request.")

    def _check_host(self, value: bytes) -> None:
        found = _HOST.fullmatch(value)
        if found is None or int(found["port"] or 0) > _LAST_PORT:
            self._stop(400, "The Host header is not a host with or without a port.")
        if len(_known_hosts) < _KNOWN_HOSTS and len(value) <= 256:
            _known_hosts.add(value)

    def _check_size(self, head: int, limits: Limits | None = None) -> None:
        try:
            check_size(limits or self.LIMITS, len(self.url), head, len(self.headers))
        except Refusal as refusal:
            self._refusal = refusal
            raise

    def _check_unfinished(self) -> None:
        """After a segment that ended within a head, or between two pieces of a body."""
        if self._in_head and self.headers is not None:
            self._head_bytes += self._segment
            try:
                check_size(self.LIMITS, len(self.url), self._head_bytes, len(self.headers))
                self.on_part_of_head(self._head_bytes)
            except Refusal as refusal:
                self._refuse(refusal)
        elif self._noise > self.LIMITS.noise_bytes and not self._deaf:
            self._refuse(Refusal(400, _INVALID))

    def _stop(self, status: int, text: str) -> None:
        """Make the parser stop here."""
        self._refusal = Refusal(status, text)
        raise self._refusal


_JUDGED = FORWARDING | {b"host", b"transfer-encoding", b"content-length", b"expect"}
