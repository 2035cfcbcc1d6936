"""A thousand clients that never finish their request head: they are closed in time and others do not notice."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

from bench.endurance.figures import Figure, at_most, open_files, p99
from bench.endurance.wire import HOST, PORT, Sender
from tests.fault.processes import listener

HEAD_S = 10.0  # the proxy's bound on a request head
LATE_S = 3.0
FREED_S = 5.0
SPARE = 8  # Ray opens and closes some of its own meanwhile


def slow_clients(client: Any, count: int) -> Iterator[Figure]:
    """Figures of `count` half-open heads at once."""
    client.create_backend("quick", _quick)
    client.create_endpoint("quick", backend="quick", route="/quick", methods=["POST"])
    proxy = listener(PORT)
    assert proxy is not None
    alone = asyncio.run(_ask(3.0))
    files = open_files(proxy)
    closed, longest, beside = asyncio.run(_hold(count))
    yield Figure(f"{count} half-open heads: closed by the proxy", str(closed), f"= {count}", closed == count)
    yield at_most(f"{count} half-open heads: the longest stayed", longest, HEAD_S + LATE_S, " s")
    yield at_most(f"{count} half-open heads: p99 of others, ratio to alone", p99(beside) / p99(alone), 2)
    until = time.monotonic() + FREED_S
    while open_files(proxy) > files + SPARE and time.monotonic() < until:
        time.sleep(0.05)
    yield at_most(f"file descriptors of the proxy left over after {FREED_S:g} s", open_files(proxy) - files, SPARE)
    client.delete_endpoint("quick")
    client.delete_backend("quick")


def _quick(request: Any = None) -> str:
    return "quick"


async def _ask(seconds: float) -> list[float]:
    sender = Sender("/quick")
    answers = await sender.at_rate(100, seconds)
    sender.close()
    return [answer.seconds for answer in answers]


async def _hold(count: int) -> tuple[int, float, list[float]]:
    loop = asyncio.get_running_loop()

    async def half_open(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> float:
        writer.write(b"POST /quick HTTP/1.1\r\nHost: x\r\n")
        begun = loop.time()
        await asyncio.wait_for(reader.read(), HEAD_S + 5 * LATE_S)  # until the proxy closes it
        writer.close()
        return loop.time() - begun

    connections = [await asyncio.open_connection(HOST, PORT) for _ in range(count)]
    holding = [asyncio.ensure_future(half_open(*connection)) for connection in connections]
    beside = await _ask(HEAD_S / 2)
    stayed = [result for result in await asyncio.gather(*holding, return_exceptions=True) if isinstance(result, float)]
    return len(stayed), max(stayed, default=0.0), beside
