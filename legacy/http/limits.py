"""How long a client may take and how much it may send before it is understood it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from legacy.http.refusal import Refusal
from legacy.http_options import HTTPOptions

_USUAL = HTTPOptions()


@dataclass(frozen=True)
class Limits:
    """Times in seconds, sizes in bytes.

    Attributes:
        head_s: for the whole head, from the connection or the first byte of the request on.
        body_idle_s: between two pieces of a body somebody waits for.
        body_watch_s: after so long without one, the kernel asks whether the client's machine is still there.
        body_rate: bytes per second of a body for which a replica is kept from others; 0 for any.
        body_grace_s: such a body may lag behind its rate by so much.
        write_idle_s: without the client reading a byte of its answer. A receiver says so in steps of one segment only,
            which on a node itself are 64 KiB: less than a minute would cut who reads 2 KiB/s.
        keep_alive_s: between two requests of one connection.
        half_closed_look_s: a client that closed its sending side is looked at so often, and at every fourth look, the
            first one included, something is written that it would answer with a reset if it were gone.
        linger_s: a refused client may go on sending for so long, so that the refusal reaches it.
        tick_s: between two looks at all connections.
        target_bytes, head_bytes, headers: of one request.
        pipelined: requests of one connection that wait for the answer to the one before them.
        noise_bytes: of chunk extensions, trailers and blank lines between two pieces of content.
    """

    head_s: float = _USUAL.head_timeout_s
    body_idle_s: float = _USUAL.body_idle_timeout_s
    body_watch_s: float = 29.0
    body_rate: int = _USUAL.min_upload_rate
    body_grace_s: float = 10.0
    write_idle_s: float = _USUAL.answer_idle_timeout_s
    keep_alive_s: float = 75.0
    half_closed_look_s: float = 0.2
    linger_s: float = 2.0
    tick_s: float = 0.5
    target_bytes: int = _USUAL.max_url_bytes
    head_bytes: int = _USUAL.max_head_bytes
    headers: int = _USUAL.max_headers
    pipelined: int = 100
    noise_bytes: int = 64 * 1024


def limits_of(options: HTTPOptions) -> Limits:
    """What clients may do by these options."""
    return Limits(
        head_s=options.head_timeout_s,
        body_idle_s=options.body_idle_timeout_s,
        body_rate=options.min_upload_rate,
        write_idle_s=options.answer_idle_timeout_s,
        target_bytes=options.max_url_bytes,
        head_bytes=options.max_head_bytes,
        headers=options.max_headers,
    )


class Phase(Enum):
    """What a connection waits for."""

    HEAD = "head"  # a request has begun, or the first one has not
    BODY = "body"  # more of a body somebody wants
    OTHER = "other"  # the next request, or nothing from the client


class Verdict(Enum):
    """What to do with a connection that takes too long."""

    FINE = "fine"
    TIMEOUT = "timeout"  # answer 408 and close
    CUT = "cut"  # nobody reads what we write


def overdue(limits: Limits, phase: Phase, waited_s: float, unread_s: float) -> Verdict:
    """Whether a client has used up its time.

    Args:
        waited_s: for HEAD since the head began, for BODY since the last piece.
        unread_s: since the client last read something, while there is something to read; else 0.
    """
    if unread_s > limits.write_idle_s:
        return Verdict.CUT
    if phase is Phase.HEAD and waited_s > limits.head_s:
        return Verdict.TIMEOUT
    if phase is Phase.BODY and waited_s > limits.body_idle_s:
        return Verdict.TIMEOUT
    return Verdict.FINE


class Pace:
    """Whether a body keeps the rate of the limits, judged at each look.

    A burst is no credit: whoever has been faster may lag behind by `body_grace_s` seconds, not by more.

    Args:
        limits: the rate and the grace.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._seen: tuple[float, int] | None = None
        self._left_s = 0.0

    def restart(self) -> None:
        """Nobody waits for a body."""
        self._seen = None

    def is_kept(self, now: float, size: int) -> bool:
        """Whether the client sends fast enough.

        Args:
            size: bytes that have come in all.
        """
        before, self._seen = self._seen, (now, size)
        if before is None or not self._limits.body_rate:
            self._left_s = self._limits.body_grace_s
            return True
        left_s = self._left_s - (now - before[0]) + (size - before[1]) / self._limits.body_rate
        self._left_s = min(left_s, self._limits.body_grace_s)
        return left_s >= 0


def check_size(limits: Limits, target: int, head: int, headers: int) -> None:
    """Judge the size of a head, complete or not.

    Args:
        target: bytes of the request target so far.
        head: bytes of the head so far.
        headers: header lines so far.

    Raises:
        Refusal: 414 or 431.
    """
    if target > limits.target_bytes:
        raise Refusal(414, f"The request target is longer than {limits.target_bytes} bytes.")
    if head > limits.head_bytes:
        raise Refusal(431, f"The request head is longer than {limits.head_bytes} bytes.")
    if headers > limits.headers:
        raise Refusal(431, f"The request has more than {limits.headers} header lines.")
