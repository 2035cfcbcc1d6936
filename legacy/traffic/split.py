"""Which backend gets a request, and which backends shadow it.

Two rules live here and nowhere else:

- The primary: backends sorted by tag, one draw in [0, 1), the first whose cumulative weight exceeds the draw (Ray
  1.2-1.7). A shard key fixes the draw, so a key keeps its backend across handles, proxies and restarts.
- The shadows: one draw of their own each. Ray 1.2 reused the primary's draw, so a 10% shadow only ever saw the requests
  of the alphabetically first backends; here a shadow is a fair sample of all the traffic.
"""

from __future__ import annotations

import math
import random
from bisect import bisect_right
from collections.abc import Collection, Mapping
from hashlib import sha256
from itertools import accumulate
from numbers import Real
from typing import Any

TOLERANCE = 1e-8  # how far the sum of the weights may be from 1
_NAMES_IN_MESSAGE = 10


class Split:
    """The traffic policy of one endpoint, ready to decide.

    Args:
        traffic: backend tag -> weight; not negative, the sum is 1.
        shadows: backend tag -> proportion of the requests, in [0, 1], that are copied to it.

    Raises:
        ValueError: no backend has a weight above 0.
    """

    __slots__ = ("_bounds", "_only", "_shadows", "_tags")

    def __init__(self, traffic: Mapping[str, float], shadows: Mapping[str, float]) -> None:
        self._tags = [tag for tag in sorted(traffic) if traffic[tag] > 0]
        if not self._tags:
            raise ValueError(f"no backend of {dict(traffic)} has a weight above 0; give weights that sum to 1")
        # the last one takes what rounding leaves between the sum and 1, so its bound is not needed
        self._bounds = list(accumulate(traffic[tag] for tag in self._tags[:-1]))
        self._only = self._tags[0] if len(self._tags) == 1 else None
        self._shadows = tuple((tag, shadows[tag]) for tag in sorted(shadows) if shadows[tag] > 0)

    @property
    def has_shadows(self) -> bool:
        """Whether any request is copied at all, so that callers can skip keeping a copy."""
        return bool(self._shadows)

    def primary(self, shard_key: str | None, rng: random.Random) -> str:
        """The backend that answers the request.

        Args:
            shard_key: requests with the same key go to the same backend while tags and weights stay; None draws.
            rng: where the draw comes from without a shard key.
        """
        if self._only is not None:
            return self._only
        draw = rng.random() if shard_key is None else _primary_draw(shard_key)
        return self._tags[bisect_right(self._bounds, draw)]

    def shadows(self, shard_key: str | None, rng: random.Random) -> tuple[str, ...]:
        """The backends that get a copy of the request, independent of the primary and of each other.

        Args:
            shard_key: fixes the answer for this key and shadow; None draws.
            rng: where the draws come from without a shard key.
        """
        if not self._shadows:
            return ()
        if shard_key is None:
            return tuple(tag for tag, proportion in self._shadows if rng.random() < proportion)
        return tuple(tag for tag, proportion in self._shadows if _shadow_draw(shard_key, tag) < proportion)


def check_traffic(endpoint: str, weights: Mapping[str, float], known_backends: Collection[str]) -> None:
    """Refuse a traffic policy that cannot be put in force (rules of Ray 0.8-1.7).

    Args:
        endpoint: whose policy it is, for the message.
        weights: backend tag -> weight.
        known_backends: the tags that are registered.

    Raises:
        TypeError: not a mapping, or a weight is not a number.
        ValueError: an unknown backend, a weight that is negative or not finite, or a sum other than 1.
    """
    for tag, weight in as_weights(endpoint, weights).items():
        check_known(endpoint, tag, known_backends)
        problem = f"the weight of backend {tag!r} must be a number from 0 to 1, not {weight!r}"
        if not isinstance(weight, Real):
            raise TypeError(problem)
        if not math.isfinite(weight) or weight < 0:
            raise ValueError(problem)
    total = math.fsum(weights.values())
    if abs(total - 1) > TOLERANCE:
        raise ValueError(
            f"the weights of endpoint {endpoint!r} must sum to 1, but {dict(weights)} sums to {total}; "
            "a backend that shall get nothing may have weight 0"
        )


def as_weights(endpoint: str, weights: Any) -> dict[str, float]:
    """A traffic policy as a plain dict, whatever mapping the user gave; what is in it is not looked at.

    Raises:
        TypeError: not a mapping.
    """
    if not isinstance(weights, Mapping):
        raise TypeError(
            f"the traffic of endpoint {endpoint!r} must be a dict of backend tag to weight, not {weights!r}"
        )
    return dict(weights)


def check_proportion(endpoint: str, backend: str, proportion: float) -> None:
    """Refuse a shadow proportion that is not a number from 0 to 1.

    Raises:
        TypeError: for a wrong type and, as in Ray 0.8-1.7, for a value out of range as well.
    """
    # not (0 <= p <= 1) also refuses NaN
    if not isinstance(proportion, Real) or not (0 <= proportion <= 1):
        raise TypeError(
            f"the proportion of requests to {endpoint!r} that backend {backend!r} gets a copy of must be a number "
            f"from 0 to 1, not {proportion!r}"
        )


def check_known(endpoint: str, backend: str, known_backends: Collection[str]) -> None:
    """Refuse a backend that is not registered.

    Raises:
        ValueError: naming the backends there are.
    """
    if backend in known_backends:
        return
    names = sorted(known_backends)
    shown = ", ".join(map(repr, names[:_NAMES_IN_MESSAGE])) or "none"
    more = f" and {len(names) - _NAMES_IN_MESSAGE} more" if len(names) > _NAMES_IN_MESSAGE else ""
    raise ValueError(
        f"endpoint {endpoint!r} cannot send requests to backend {backend!r}, which is not registered; "
        f"registered: {shown}{more}. Create it with create_backend first"
    )


def _primary_draw(shard_key: str) -> float:
    seed = int.from_bytes(sha256(_encoded(shard_key)).digest(), "little")
    return random.Random(seed).random()


def _shadow_draw(shard_key: str, tag: str) -> float:
    digest = sha256(_encoded(tag) + b"\0" + _encoded(shard_key)).digest()
    return (int.from_bytes(digest[:8], "little") >> 11) * 2.0**-53  # 53 bits, so it never rounds up to 1


def _encoded(text: str) -> bytes:
    # a header may hold anything: a lone surrogate is a key like any other
    return text.encode("utf-8", "surrogatepass")
