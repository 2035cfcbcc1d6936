"""legacy.seldom: a warning of which there are many is logged once a second."""

from __future__ import annotations

import pytest

from legacy import seldom
from legacy.seldom import Seldom


def test_many_of_a_kind_are_logged_once_and_counted(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch):
    now = [100.0]
    monkeypatch.setattr(seldom.time, "monotonic", lambda: now[0])
    warnings = Seldom()
    for _ in range(10):
        warnings.warn("a", "a is gone")
    warnings.warn("b", "b is gone")
    now[0] += 1.1
    warnings.warn("a", "a is gone")
    assert caplog.messages == ["a is gone", "b is gone", "a is gone (and 9 times since it was logged last)"]
