"""Ten times the load there is capacity for: bounded queue, quick refusals, undiminished good answers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

from bench.endurance.figures import Figure, at_least, at_most, forget_peaks, growth, p99
from bench.endurance.wire import Answer, Sender
from tests.fault.processes import titled

SLOTS, WORK_S, QUEUE = 4, 0.1, 16
HTTP_OPTIONS = {"max_queued_requests": QUEUE, "queue_timeout_s": 5.0}


async def _work(request: Any = None) -> str:
    await asyncio.sleep(WORK_S)
    return "done"


def overload(client: Any, seconds: float) -> Iterator[Figure]:
    """Figures of a minute at ten times the rate that one replica can answer."""
    client.create_backend("busy", _work, config={"max_concurrent_queries": SLOTS})
    client.create_endpoint("busy", backend="busy", route="/busy", methods=["POST"])
    capacity = SLOTS / WORK_S
    asyncio.run(_load(2 * capacity, 3.0))
    before = forget_peaks(titled(r"^ray::.*(Proxy|Replica)"))
    answers = asyncio.run(_load(10 * capacity, seconds))
    good = [answer for answer in answers if answer.status == 200]
    refused = [answer for answer in answers if answer.status == 503]
    yield at_least("overload: good answers, share of the capacity", len(good) / (capacity * seconds), 0.9)
    yield at_most("overload: p99 of a refusal", p99([answer.seconds for answer in refused]) * 1000, 50, " ms")
    slowest = (QUEUE / SLOTS + 2) * WORK_S
    yield at_most("overload: p99 of a good answer", p99([a.seconds for a in good]), slowest + 0.1, " s")
    odd = len(answers) - len(good) - len(refused) + sum(not answer.retry_after for answer in refused)
    yield at_most(f"overload: answers of {len(answers)} that are neither 200 nor 503 with Retry-After", odd, 0)
    yield at_most("overload: growth of any process", growth(before), 50, " MiB")
    client.delete_endpoint("busy")
    client.delete_backend("busy")


async def _load(rate: float, seconds: float) -> list[Answer]:
    sender = Sender("/busy")
    try:
        return await sender.at_rate(rate, seconds)
    finally:
        sender.close()
