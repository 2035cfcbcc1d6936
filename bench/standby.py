"""Waiting until an instance's second proxy stands by, so that its start falls into no measurement."""

from __future__ import annotations

import time
from typing import Any

STANDBY_S = 60.0


def await_standby(client: Any) -> None:
    """Return when one proxy stands by; RuntimeError when there is none after a minute."""
    until = time.monotonic() + STANDBY_S
    while "STANDBY" not in (states := client._session.status()["proxies"]).values():
        if time.monotonic() > until:
            raise RuntimeError(f"no proxy stands by after {STANDBY_S:g} s: {states}")
        time.sleep(0.05)
