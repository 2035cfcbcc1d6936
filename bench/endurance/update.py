"""Versions that come under a fixed rate of POSTs while the controller is killed: nothing may fail or run twice."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import requests

import serve_compat as serve
from bench.endurance.figures import Figure, at_most, p99
from bench.endurance.wire import HOST, PORT
from tests.fault.faults import Entry
from tests.fault.ledger import Ledger, NotingBackend
from tests.fault.processes import kill, titled

RATE = 200.0
REPLICAS = 5
BESIDE_S = 5.0  # load before and after what happens
KILL_EVERY_S = 1.5
NAMED_S = 10.0
CONTROLLER = r"^ray::.*Controller"


class Versioned(NotingBackend):
    """Notes what it starts, says which version it is of, and is sick if its version is."""

    def __init__(self, path: str, version: str, sick: bool) -> None:
        super().__init__(path, 0.01)
        self._version, self._sick = version, sick

    async def __call__(self, request: Any) -> str:
        """The id, or the version for a GET."""
        return self._version if request.method == "GET" else await super().__call__(request)

    def check_health(self) -> None:
        """Raises in a sick version."""
        if self._sick:
            raise RuntimeError("the weights are gone")


def update(directory: Path) -> Iterator[Figure]:
    """Figures of a good version that comes while the controller is killed, and of one that is never well."""
    ledger = Ledger(directory / "updated")
    _deploy(ledger, "1")
    took, kills = _under_load(ledger, lambda: _deploy(ledger, "2"), killing=True)
    name = f"update under {RATE:g} POSTs/s, controller killed {kills} times in {took:.1f} s"
    yield from judge(name, ledger)
    yield at_most(f"{name}: answers of the old version afterwards", _answers_of("1"), 0)

    ledger = Ledger(directory / "kept")
    _deploy(ledger, "3")
    named = _under_load(ledger, lambda: _fails(ledger), killing=False)[0]
    name = f"sick version under {RATE:g} POSTs/s"
    yield from judge(name, ledger)
    yield at_most(f"{name}: seconds until its error is told", named, NAMED_S, " s")
    yield at_most(f"{name}: answers of it", _answers_of("4"), 0)
    serve.get_deployment("update").delete()


def _deploy(ledger: Ledger, version: str, sick: bool = False) -> None:
    made = serve.deployment(name="update", version=version, num_replicas=REPLICAS, route_prefix="/update")
    made(Versioned).deploy(str(ledger.path), version, sick)


def _fails(ledger: Ledger) -> None:
    try:
        _deploy(ledger, "4", sick=True)
    except RuntimeError as error:
        if "the weights are gone" not in str(error):
            raise
    else:
        raise AssertionError("a version whose health check always fails was taken")


def _under_load(ledger: Ledger, happens: Callable[[], None], killing: bool) -> tuple[float, int]:
    """Seconds it took, and how often the controller was killed meanwhile."""
    over, kills = threading.Event(), 0
    with ThreadPoolExecutor(2) as pool:
        load = pool.submit(asyncio.run, _load(ledger, over))
        try:
            time.sleep(BESIDE_S)
            begun = time.monotonic()
            happening = pool.submit(happens)
            while killing and not happening.done():
                time.sleep(KILL_EVERY_S / 2)
                for pid in titled(CONTROLLER):
                    kill(pid)
                    kills += 1
                time.sleep(KILL_EVERY_S / 2)
            happening.result()
            took = time.monotonic() - begun
            time.sleep(BESIDE_S)
        finally:
            over.set()
        load.result()
    return took, kills


async def _load(ledger: Ledger, over: threading.Event) -> None:
    loop, idle, number = asyncio.get_running_loop(), list[Any](), 0
    begun, tasks = loop.time(), set[asyncio.Task[None]]()
    while not over.is_set():
        tasks.add(asyncio.create_task(_post(ledger, f"id-{number}", idle)))
        number += 1
        await asyncio.sleep(max(0.0, begun + number / RATE - loop.time()))
    await asyncio.gather(*tasks)
    for _, writer in idle:
        writer.close()


async def _post(ledger: Ledger, name: str, idle: list[Any]) -> None:
    entry = Entry(name, time.monotonic())
    ledger.entries.append(entry)
    writer = None
    try:
        reader, writer = idle.pop() if idle else await asyncio.open_connection(HOST, PORT)
        writer.write(f"POST /update?id={name} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
        entry.text, entry.status = (await reader.readexactly(length)).decode(), int(head.split()[1])
        if b"connection: close" in head:
            writer.close()
        else:
            idle.append((reader, writer))
    except (OSError, asyncio.IncompleteReadError) as error:
        entry.text = repr(error)
        if writer is not None:
            writer.close()
    entry.ended = time.monotonic()


def judge(name: str, ledger: Ledger) -> Iterator[Figure]:
    """What the ledger says; a killed controller excuses nothing."""
    seconds = p99([entry.ended - entry.sent for entry in ledger.entries])
    yield at_most(f"{name}: failed of {len(ledger.entries)} requests", len(ledger.failed()), 0)
    yield at_most(f"{name}: POSTs that ran twice", len(ledger.ran_twice()), 0)
    yield Figure(f"{name}: p99", f"{1000 * seconds:.0f} ms", "told, not bound", True)


def _answers_of(version: str) -> int:
    url = f"http://{HOST}:{PORT}/update"
    return [requests.get(url, timeout=30).text for _ in range(10 * REPLICAS)].count(version)
