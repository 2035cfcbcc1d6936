"""How many replicas a backend should have: one pure function over what was measured, and the patience around it.

Ray 1.8-2.3's rule: ratio = mean load per replica / target; desired = ceil(current * (1 + (ratio - 1) * smoothing)),
within [min, max]; a change must be wanted for its whole delay before it is applied.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

from legacy.config import AutoscalingConfig

_ROUNDING = 1e-9  # 3 * 1.0000000000000002 is 3 replicas, not 4


def desired_replicas(config: AutoscalingConfig, current: int, load: float) -> int:
    """How many replicas a load asks for right now.

    Args:
        config: bounds, target and smoothing.
        current: replicas that run.
        load: requests queued and running in the whole backend, averaged over the look-back period.
    """
    if current == 0:
        wanted = math.ceil(load / config.target_num_ongoing_requests_per_replica - _ROUNDING) if load > 0 else 0
    else:
        ratio = load / current / config.target_num_ongoing_requests_per_replica
        wanted = math.ceil(current * (1 + (ratio - 1) * config.smoothing_factor) - _ROUNDING)
    return config.within(wanted)


@dataclass(frozen=True)
class Patience:
    """Since when the load has asked for more (+1) or fewer (-1) replicas; 0 when it asks for what is there."""

    direction: int = 0
    since: float = 0.0


@dataclass(frozen=True)
class Decision:
    """The number of replicas to have now, and what to remember until the next look."""

    target: int
    patience: Patience


def decide(config: AutoscalingConfig, target: int, desired: int, patience: Patience, now: float) -> Decision:
    """Apply a desired number once it was asked for without a break during the whole delay.

    Args:
        target: the number in force.
        desired: what `desired_replicas` says now.
        now: seconds of any steady clock.
    """
    direction = (desired > target) - (desired < target)
    if direction == 0:
        return Decision(target, Patience())
    if direction != patience.direction:
        patience = Patience(direction, now)
    delay = config.upscale_delay_s if direction > 0 else config.downscale_delay_s
    if target == 0 and direction > 0:
        delay = 0.0  # somebody waits and nobody serves
    if now - patience.since >= delay:
        return Decision(desired, Patience())
    return Decision(target, patience)


class LoadWindow:
    """Load samples of one backend over the look-back period."""

    def __init__(self, look_back_s: float) -> None:
        self._look_back_s = look_back_s
        self._samples: deque[tuple[float, float]] = deque()

    def add(self, now: float, load: float) -> None:
        """Note the load at a time; older samples than the period are dropped."""
        self._samples.append((now, load))
        while self._samples and self._samples[0][0] < now - self._look_back_s:
            self._samples.popleft()

    def mean(self) -> float | None:
        """The mean over the period; None before the first sample."""
        if not self._samples:
            return None
        return sum(load for _, load in self._samples) / len(self._samples)

    def resized(self, look_back_s: float) -> LoadWindow:
        """The same samples under a changed period."""
        window = LoadWindow(look_back_s)
        window._samples.extend(self._samples)
        return window
