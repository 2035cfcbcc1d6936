"""A shadow that is slow, dead, failing or full beside a primary: what the primary's clients notice of it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from statistics import median
from typing import Any

from bench.endurance.figures import Figure, at_most, p99
from bench.endurance.wire import Answer, Sender

RATE = 50.0
ROUND_S = 5.0
SETTLE_S = 1.0
ROUNDS = 3
WORK_S = 0.02
RATIO = 1.05


async def _work(request: Any = None) -> str:
    await asyncio.sleep(WORK_S)
    return "primary"


async def slow(request: Any = None) -> str:
    """Takes three seconds, so that nearly all copies wait."""
    await asyncio.sleep(3)
    return "shadow"


async def stuck(request: Any = None) -> None:
    """Never answers, so that the backlog fills."""
    await asyncio.Event().wait()


def failing(request: Any = None) -> None:
    """Raises."""
    raise RuntimeError("a shadow's own problem")


def dying(request: Any = None) -> None:
    """Ends its process."""
    os._exit(1)


SHADOWS = (slow, stuck, failing, dying)


def shadow(client: Any) -> Iterator[Figure]:
    """Figures of each kind of shadow, each round beside one without any."""
    client.create_backend("primary", _work, config={"max_concurrent_queries": 100, "num_replicas": 2})
    client.create_endpoint("shadowed", backend="primary", route="/shadowed", methods=["POST"])
    asyncio.run(_load(ROUND_S))
    for kind in SHADOWS:
        client.create_backend(kind.__name__, kind, config={"max_concurrent_queries": 2})
        alone: list[list[Answer]] = []
        beside: list[list[Answer]] = []
        for _ in range(ROUNDS):
            alone.append(asyncio.run(_load(ROUND_S)))
            client.shadow_traffic("shadowed", kind.__name__, 1.0)
            asyncio.run(_load(SETTLE_S))
            beside.append(asyncio.run(_load(ROUND_S)))
            client.shadow_traffic("shadowed", kind.__name__, 0)
        yield from judge(kind.__name__, alone, beside)
        client.delete_backend(kind.__name__, force=True)
    client.delete_endpoint("shadowed")
    client.delete_backend("primary")


def judge(name: str, alone: list[list[Answer]], beside: list[list[Answer]]) -> Iterator[Figure]:
    """What rounds with a shadow say beside rounds without one."""
    failed = sum(answer.status != 200 for answers in beside for answer in answers)
    yield at_most(f"a {name} shadow: failed", failed, 0)
    ratio = median(map(_p50, beside)) / median(map(_p50, alone))
    yield at_most(f"a {name} shadow: p50, ratio to none", ratio, RATIO)
    late = f"{median(map(_p99, beside)) / median(map(_p99, alone)):.3g}"
    yield Figure(f"a {name} shadow: p99, ratio to none", late, "told: of so few it is noise", True)


def _p50(answers: list[Answer]) -> float:
    return median(answer.seconds for answer in answers)


def _p99(answers: list[Answer]) -> float:
    return p99([answer.seconds for answer in answers])


async def _load(seconds: float) -> list[Answer]:
    sender = Sender("/shadowed")
    try:
        return await sender.at_rate(RATE, seconds)
    finally:
        sender.close()
