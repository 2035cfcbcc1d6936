"""legacy.ingress.relay: which requests may run again."""

from __future__ import annotations

from typing import Any

import pytest

from legacy.ingress.body import RequestBody
from legacy.ingress.budget import Budget
from legacy.ingress.relay import MAX_TRIES, Outcome, may_retry


async def _never() -> dict[str, Any]:
    raise AssertionError


def body(replayable: bool = True) -> RequestBody:
    made = RequestBody(_never, 5, Budget(100))
    made.replayable = replayable
    return made


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_safe_methods_are_run_again_when_the_replica_died(method: str):
    assert may_retry(Outcome.LOST, method, None, 1)
    assert not may_retry(Outcome.LOST, method, None, MAX_TRIES)
    assert not may_retry(Outcome.LOST, method, body(), 1)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "TRACE", "get"])
def test_other_methods_are_not(method: str):
    assert not may_retry(Outcome.LOST, method, None, 1)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_nothing_runs_again_after_the_first_byte(method: str):
    assert not may_retry(Outcome.BROKEN, method, None, 1)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_no_replica_has_run_goes_elsewhere(method: str):
    assert may_retry(Outcome.UNREACHABLE, method, body(), 99)
    assert may_retry(Outcome.REFUSED, method, body(), MAX_TRIES - 1)
    assert not may_retry(Outcome.REFUSED, method, body(), MAX_TRIES)


@pytest.mark.parametrize("outcome", list(Outcome))
def test_a_body_that_is_not_kept_any_more_cannot_be_sent_again(outcome: Outcome):
    assert not may_retry(outcome, "GET", body(replayable=False), 1)
