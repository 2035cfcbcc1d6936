"""What the killer of a soak does when. Pure.

The first third is a storm, in which everything is killed. After it the proxy, the controller and one replica of each
backend are spared, so that it can be told whether they grow; everything else is killed as before.
"""

from __future__ import annotations

from typing import Literal

Blow = Literal["replica", "stop", "node", "proxy", "controller"]

EVERY_S = 5.0
STORM_SHARE = 1 / 3
REST_S = 30.0  # at the end only plain kills, since a stopped replica is found after a while only
STORM: tuple[Blow, ...] = (
    "replica", "proxy", "replica", "controller", "stop", "replica", "proxy", "controller", "replica", "node",
)  # fmt: skip
CALM: tuple[Blow, ...] = ("replica", "replica", "stop", "replica", "replica", "replica") * 2 + ("node",)


def storm_s(seconds: float) -> float:
    """How long the storm of a soak of that many seconds takes."""
    return seconds * STORM_SHARE


def warm_up_s(seconds: float) -> float:
    """How long after the storm processes may still grow."""
    return min(600.0, (seconds - storm_s(seconds)) / 4)


def blow(number: int, at_s: float, seconds: float) -> Blow:
    """What to do as the `number`-th blow, `at_s` seconds after the beginning of a soak of `seconds`."""
    if seconds - at_s <= REST_S:
        return "replica"
    turn = STORM if at_s < storm_s(seconds) else CALM
    return turn[number % len(turn)]
