"""Ten times the load there is capacity for: what is too much is refused at once, and costs the others nothing."""

from __future__ import annotations

import asyncio
from statistics import median
from typing import Any

from tests.http.stage import Seen, Stage, echo, stage
from tests.http.wire import Response, read_response

SLOTS, WORK_S, QUEUE = 4, 0.05, 8
CAPACITY = SLOTS / WORK_S
SECONDS = 1.5


async def work(seen: Seen, receive: Any, send: Any) -> None:
    await asyncio.sleep(WORK_S)
    await echo(seen, receive, send)


async def post(made: Stage) -> tuple[Response, float]:
    loop = asyncio.get_running_loop()
    begun = loop.time()
    reader, writer = await made.connect()
    writer.write(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody")
    answer = await asyncio.wait_for(read_response(reader), 20)
    writer.close()
    assert answer is not None
    return answer, loop.time() - begun


async def at_rate(made: Stage, rate: float) -> list[tuple[Response, float]]:
    loop = asyncio.get_running_loop()
    begun, tasks = loop.time(), []
    for number in range(int(rate * SECONDS)):
        await asyncio.sleep(max(0.0, begun + number / rate - loop.time()))
        tasks.append(asyncio.ensure_future(post(made)))
        assert made.router.slots("b").waiting <= QUEUE
        assert made.in_flight() <= SLOTS
    return await asyncio.gather(*tasks)


def test_good_answers_stay_as_many_and_the_rest_is_refused_at_once():
    async def play() -> None:
        async with stage(work, limit=SLOTS, max_queued_requests=QUEUE) as made:
            usual = await at_rate(made, CAPACITY)  # this machine's own capacity is the measure
            answers = await at_rate(made, 10 * CAPACITY)
        good = [seconds for answer, seconds in answers if answer.status == 200]
        refused = [(answer, seconds) for answer, seconds in answers if answer.status == 503]
        assert len(good) + len(refused) == len(answers)
        assert len(good) >= 0.9 * sum(answer.status == 200 for answer, _ in usual)
        assert all(answer.get("retry-after") for answer, _ in refused)
        assert len(refused) > len(good)
        assert median(seconds for _, seconds in refused) < 0.5 * median(good)  # they do not wait for a slot first
        assert len(made.seen) == len(good) + sum(answer.status == 200 for answer, _ in usual)

    asyncio.run(play())
