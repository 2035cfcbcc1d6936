"""legacy.http.limits: who has used up their time or size."""

from __future__ import annotations

import pytest

from legacy.http.limits import Limits, Pace, Phase, Verdict, check_size, overdue
from legacy.http.refusal import Refusal

LIMITS = Limits(head_s=9, body_idle_s=29, write_idle_s=19)


@pytest.mark.parametrize(
    ("phase", "waited_s", "unread_s", "verdict"),
    [
        (Phase.HEAD, 9, 0, Verdict.FINE),
        (Phase.HEAD, 9.1, 0, Verdict.TIMEOUT),
        (Phase.BODY, 29, 0, Verdict.FINE),
        (Phase.BODY, 29.1, 0, Verdict.TIMEOUT),
        (Phase.OTHER, 9999, 19, Verdict.FINE),
        (Phase.OTHER, 0, 19.1, Verdict.CUT),
        (Phase.HEAD, 10, 20, Verdict.CUT),
    ],
)
def test_a_client_is_given_up_when_its_time_is_over(phase, waited_s, unread_s, verdict):
    assert overdue(LIMITS, phase, waited_s, unread_s) is verdict


@pytest.mark.parametrize(
    ("target", "head", "headers", "status"),
    [(65_537, 0, 0, 414), (0, 131_073, 0, 431), (0, 0, 1001, 431)],
)
def test_a_head_that_is_too_big_is_refused(target, head, headers, status):
    with pytest.raises(Refusal) as caught:
        check_size(LIMITS, target, head, headers)
    assert caught.value.status == status


def test_a_head_at_its_limits_passes():
    check_size(LIMITS, 65_536, 131_072, 1000)


def test_promised_deadlines_hold_with_the_tick_added():
    usual = Limits()
    assert usual.head_s + usual.tick_s <= 10
    assert 600 <= usual.body_idle_s <= 3600  # the originals waited without end
    assert usual.body_watch_s + usual.tick_s <= 30
    # 30 s would cut who reads 2 KiB/s: over loopback the kernel tells of each 64 KiB only
    assert usual.write_idle_s + 2 * usual.tick_s <= 61


def cut_after(rates: list[int], tick_s: float = 0.5) -> float | None:
    """When a client is given up that sends so many bytes in each second; None for never."""
    pace, size = Pace(Limits(body_rate=1000, body_grace_s=10)), 0
    for look in range(int(len(rates) / tick_s)):
        if not pace.is_kept(look * tick_s, size):
            return look * tick_s
        size += int(rates[int(look * tick_s)] * tick_s)
    return None


def test_a_body_may_lag_behind_its_rate_for_the_grace_only():
    assert cut_after([1000] * 100) is None
    assert cut_after([0] * 100) == 10.5
    assert cut_after([500] * 100) == pytest.approx(20.5)
    assert cut_after([0] * 9 + [20_000] + [0] * 9 + [20_000]) is None


def test_a_burst_buys_no_more_than_the_grace():
    assert cut_after([10_000_000] + [0] * 100) == pytest.approx(11.5)


def test_who_was_held_back_begins_anew():
    pace = Pace(Limits(body_rate=1000, body_grace_s=10))
    assert pace.is_kept(0, 0)
    assert pace.is_kept(9, 0)
    pace.restart()
    assert pace.is_kept(100, 0)
    assert pace.is_kept(109, 0)
    assert not pace.is_kept(111, 0)
