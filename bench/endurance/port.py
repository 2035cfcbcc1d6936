"""How long a port is away after the proxy that listens on it was killed, under load."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.endurance.figures import MIB, Figure, at_most, memory
from bench.endurance.wire import HOST, PORT
from bench.standby import await_standby
from tests.fault.ledger import Ledger, Load, NotingBackend
from tests.fault.processes import kill, listener, titled, wait_until_answering

EVERY_S = 0.01
AFTER_S = 1.0  # of probing when the port answers again
WANTED_S = 1.0
_REQUEST = b"GET /-/healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


@dataclass(frozen=True)
class Probe:
    """One attempt: when it began (time.monotonic()), and whether it got an answer."""

    begun: float
    answered: bool


class Prober:
    """Connects and asks every 10 ms from a thread of its own, whatever became of the attempts before."""

    def __init__(self) -> None:
        self.probes: list[Probe] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))

    def __enter__(self) -> Prober:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._over.set()
        self._thread.join()

    async def _run(self) -> None:
        tasks = []
        while not self._over.is_set():
            tasks.append(asyncio.ensure_future(self._ask()))
            await asyncio.sleep(EVERY_S)
        await asyncio.gather(*tasks)

    async def _ask(self) -> None:
        begun = time.monotonic()
        answer = b""
        try:
            reader, writer = await asyncio.open_connection(HOST, PORT)
            try:
                writer.write(_REQUEST)
                answer = await asyncio.wait_for(reader.read(), 5)
            finally:
                writer.close()
        except (OSError, asyncio.TimeoutError):
            pass  # the port is away
        self.probes.append(Probe(begun, answer.startswith(b"HTTP/1.1 200")))


def outage(probes: list[Probe], killed: float) -> float:
    """Seconds from the kill until every attempt is answered again. Pure.

    Args:
        probes: of one kill.
        killed: when the signal was sent.
    """
    failed = [probe.begun for probe in probes if not probe.answered]
    back = [probe.begun for probe in probes if probe.answered and probe.begun > max(failed, default=killed)]
    return min(back, default=float("inf")) - killed if failed else 0.0


def port(client: Any, kills: int, directory: Path) -> Iterator[Figure]:
    """Figures of so many kills of whichever proxy listens."""
    ledger = Ledger(directory / "started")
    client.create_backend("port", NotingBackend, str(ledger.path), 0.005, config={"num_replicas": 2})
    client.create_endpoint("port", backend="port", route="/port", methods=["POST"])
    seconds: list[float] = []
    await_standby(client)
    spare = max(memory(pid) for pid in titled(r"^ray::.*Proxy") - {listener(PORT)}) / MIB
    with Load(ledger, "/port", clients=4) as load:
        for _ in range(kills):
            await_standby(client)
            load.wait_for(50)
            with Prober() as prober:
                time.sleep(AFTER_S)
                killed, holder = time.monotonic(), listener(PORT)
                assert holder is not None, f"nobody listens on port {PORT}"
                with ledger.fault(holder, "proxy"):
                    kill(holder)
                    wait_until_answering(PORT)
                load.wait_for(50)
                time.sleep(AFTER_S)
            seconds.append(outage(prober.probes, killed))
    name = f"port, {kills} kills of the proxy that listens"
    yield at_most(f"{name}: longest outage", max(seconds), WANTED_S, " s")
    yield Figure(f"{name}: median outage", f"{sorted(seconds)[kills // 2] * 1000:.0f} ms", "told", True)
    yield Figure(f"{name}: memory of a proxy that stands by", f"{spare:.0f} MiB", "told", True)
    failed = f"{len(ledger.failed())} of {len(ledger.entries)}"
    yield Figure(f"{name}: requests of 4 clients without an answer", failed, "told", True)
    yield at_most(f"{name}: failed though nothing had touched them", len(ledger.unexplained()), 0)
    yield at_most(f"{name}: POSTs that ran twice", len(ledger.ran_twice()), 0)
    client.delete_endpoint("port")
    client.delete_backend("port")
