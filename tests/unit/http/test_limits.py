"""legacy.http.limits: who has used up their time or size."""

from __future__ import annotations

import pytest

from legacy.http.limits import Limits, Phase, Verdict, check_size, overdue
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
    [(16_385, 0, 0, 414), (0, 65_537, 0, 431), (0, 0, 101, 431)],
)
def test_a_head_that_is_too_big_is_refused(target, head, headers, status):
    with pytest.raises(Refusal) as caught:
        check_size(LIMITS, target, head, headers)
    assert caught.value.status == status


def test_a_head_at_its_limits_passes():
    check_size(LIMITS, 16_384, 65_536, 100)


def test_promised_deadlines_hold_with_the_tick_added():
    usual = Limits()
    assert usual.head_s + usual.tick_s <= 10
    assert usual.body_idle_s + usual.tick_s <= 30
    # 30 s would cut who reads 2 KiB/s: over loopback the kernel tells of each 64 KiB only
    assert usual.write_idle_s + 2 * usual.tick_s <= 61
