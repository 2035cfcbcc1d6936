"""Ten times the load there is capacity for: bounded queue, quick refusals, undiminished good answers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

from bench.endurance.figures import MIB, Figure, at_least, at_most, forget_peaks, growth, p99
from bench.endurance.wire import Answer, Sender
from tests.fault.processes import titled

SLOTS, WORK_S, QUEUE = 8, 0.1, 200
CAPACITY = SLOTS / WORK_S
HTTP_OPTIONS = {"max_queued_requests": QUEUE, "queue_timeout_s": 5.0, "max_buffered_bytes": 40 * MIB}
BODIES = {"without a body": b"", "bodies of 200 KB": b"x" * 200_000}  # the first fill the queue, the others the bytes


async def _work(request: Any = None) -> str:
    await asyncio.sleep(WORK_S)
    return "done"


def overload(client: Any, seconds: float) -> Iterator[Figure]:
    """Figures of so many seconds at ten times the rate that one replica can answer, without bodies and with them."""
    client.create_backend("busy", _work, config={"max_concurrent_queries": SLOTS})
    client.create_endpoint("busy", backend="busy", route="/busy", methods=["POST"])
    asyncio.run(_load(2 * CAPACITY, 3.0, b""))
    for kind, body in BODIES.items():
        before = forget_peaks(titled(r"^ray::.*(Proxy|Replica)"))
        answers = asyncio.run(_load(10 * CAPACITY, seconds, body))
        yield from judge(answers, seconds, f"overload, {kind}")
        yield at_most(f"overload, {kind}: growth of any process", growth(before), 50, " MiB")
    client.delete_endpoint("busy")
    client.delete_backend("busy")


def judge(answers: list[Answer], seconds: float, name: str) -> Iterator[Figure]:
    """What all answers of an overload of that many seconds say."""
    good = [answer for answer in answers if answer.status == 200]
    refused = [answer for answer in answers if answer.status == 503]
    yield at_least(f"{name}: good answers, share of the capacity", len(good) / (CAPACITY * seconds), 0.9)
    yield at_most(f"{name}: p99 of a refusal", p99([one.seconds for one in refused]) * 1000, 50, " ms")
    slowest = (QUEUE / SLOTS + 2) * WORK_S
    yield at_most(f"{name}: p99 of a good answer", p99([one.seconds for one in good]), slowest + 0.1, " s")
    odd = len(answers) - len(good) - len(refused) + sum(not one.retry_after for one in refused)
    yield at_most(f"{name}: answers of {len(answers)} that are neither 200 nor 503 with Retry-After", odd, 0)


async def _load(rate: float, seconds: float, body: bytes) -> list[Answer]:
    sender = Sender("/busy", body)
    try:
        return await sender.at_rate(rate, seconds)
    finally:
        sender.close()
