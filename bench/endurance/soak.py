"""Load, random commands and a killer for as long as asked: every request is answered or explained, nothing grows."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.endurance.figures import MIB, Figure, at_most, memory
from tests.fault.ledger import Ledger, Load, NotingBackend
from tests.fault.processes import kill, titled

EVERY_S = 5.0
RECOVERY_S = 15.0
KINDS = (r"^ray::.*Replica", r"^ray::.*Proxy", r"^ray::.*Controller")


def soak(client: Any, seconds: float, directory: Path) -> Iterator[Figure]:
    """Figures of a run in which something is killed every five seconds."""
    ledger = Ledger(directory / "started")
    for tag in ("a", "b"):
        client.create_backend(tag, NotingBackend, str(ledger.path), 0.01, config={"num_replicas": 3})
    client.create_endpoint("soak", backend="a", route="/soak", methods=["POST"])
    rng, kills = random.Random(0), 0
    with Load(ledger, "/soak", clients=4) as load:
        load.wait_for(50)
        begun = time.monotonic()
        while time.monotonic() < begun + seconds:
            began = time.monotonic()
            victim = rng.choice(_alive(KINDS[kills % len(KINDS)]))
            with ledger.fault():
                kill(victim)
            kills += 1
            share = rng.choice((0.0, 0.3, 0.5, 1.0))
            client.set_traffic("soak", {"a": share, "b": 1.0 - share})
            client.update_backend_config(rng.choice("ab"), {"num_replicas": rng.choice((2, 3))})
            time.sleep(max(0.0, began + EVERY_S - time.monotonic()))
        load.wait_for(50)
    name = f"soak, {seconds:.0f} s, {kills} kills, {len(ledger.entries)} requests"
    yield at_most(f"{name}: failed without a fault to explain it", len(ledger.unexplained(RECOVERY_S)), 0)
    yield at_most(f"{name}: POSTs that ran twice", len(ledger.ran_twice()), 0)
    yield Figure(f"{name}: failed while something was being killed", str(len(ledger.failed())), "told", True)
    yield at_most(f"{name}: seconds until what runs is what is wanted", _settled(client), 10, " s")
    largest = max(memory(pid) for pattern in KINDS for pid in titled(pattern)) / MIB
    yield Figure(f"{name}: memory of the largest process at the end", f"{largest:.0f} MiB", "told", True)
    client.delete_endpoint("soak")
    for tag in ("a", "b"):
        client.delete_backend(tag)


def _alive(pattern: str) -> list[int]:
    until = time.monotonic() + RECOVERY_S
    while not (found := sorted(titled(pattern))):
        if time.monotonic() > until:
            raise RuntimeError(f"no process {pattern!r} came back within {RECOVERY_S:g} s after it was killed")
        time.sleep(0.05)
    return found


def _settled(client: Any) -> float:
    begun = time.monotonic()
    wanted = sum(client.get_backend_config(tag).num_replicas for tag in ("a", "b"))
    while len(titled(KINDS[0])) != wanted and time.monotonic() < begun + 60:
        time.sleep(0.05)
    return time.monotonic() - begun
