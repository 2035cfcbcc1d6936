"""An open-loop load during a rolling update, and the samples that judge it."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from typing import Any

import serve_compat as serve
from bench.targets import FAILED, REQUESTS, TOO_FEW, TOO_MANY
from legacy.session.session import Session

REPLICAS = 10
RATE = 100  # requests per second, sent whether or not the ones before were answered
SAMPLE_S = 0.01


async def answer(request: Any = None) -> str:
    """Some work, and who did it."""
    await asyncio.sleep(0.01)
    return str(os.getpid())


def rolling_update(session: Session, port: int, seconds: float) -> dict[str, float]:
    """Deploy version 2 over version 1 in the middle of the load; returns what happened."""
    versions = serve.deployment(answer, name="rolling", num_replicas=REPLICAS, max_concurrent_queries=100)
    versions.options(version="1").deploy()
    counts = {REQUESTS: 0.0, FAILED: 0.0, TOO_FEW: 0.0, TOO_MANY: 0.0}
    stop = threading.Event()
    sampler = threading.Thread(target=_sample, args=(session, counts, stop))
    load = threading.Thread(target=lambda: asyncio.run(_load(port, seconds, counts)))
    sampler.start()
    load.start()
    stop.wait(seconds / 10)
    versions.options(version="2").deploy()
    load.join()
    stop.set()
    sampler.join()
    versions.delete()
    return counts


def _sample(session: Session, counts: dict[str, float], stop: threading.Event) -> None:
    least = REPLICAS - max(1, REPLICAS // 5)
    while not stop.is_set():
        began = time.monotonic()
        replicas = session.status()["backends"]["rolling"]["replicas"].values()
        ready = sum(replica["state"] in ("RUNNING", "UPDATING") for replica in replicas)
        counts[TOO_FEW] += ready < least
        counts[TOO_MANY] += len(replicas) > REPLICAS
        stop.wait(max(0.0, SAMPLE_S - (time.monotonic() - began)))


async def _load(port: int, seconds: float, counts: dict[str, float]) -> None:
    loop = asyncio.get_running_loop()
    begun, tasks = loop.time(), []
    for number in range(int(RATE * seconds)):
        await asyncio.sleep(max(0.0, begun + number / RATE - loop.time()))
        tasks.append(loop.create_task(_post(port)))
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    counts[REQUESTS] = float(len(answers))
    counts[FAILED] = float(sum(status != b"200" for status in answers))


async def _post(port: int) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(b"POST /rolling HTTP/1.1\r\nhost: bench\r\ncontent-length: 2\r\nconnection: close\r\n\r\nhi")
        data = await asyncio.wait_for(reader.read(), 60)
        return data.split(b" ", 2)[1] if data.startswith(b"HTTP/1.1 ") else b""
    finally:
        writer.close()
