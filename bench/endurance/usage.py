"""Samples of what chosen processes of an instance use, taken in a thread of its own."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayError

from bench.endurance.beside import Beside
from bench.endurance.figures import memory, open_files
from bench.endurance.slopes import Usage

EVERY_S = 10.0
ANSWER_S = 5.0
BACK_S = 60.0  # for one that is just started again
PROXY = "proxy"


@dataclass
class Watched:
    """A process that lives through the whole watch, and what it used."""

    name: str
    pid: int
    actor: Any
    samples: list[Usage] = field(default_factory=list)

    def sample(self) -> None:
        """Add one sample."""
        at = time.monotonic()
        tasks = ray.get(self.actor.__ray_call__.remote(count_tasks), timeout=ANSWER_S)
        self.samples.append(Usage(at, memory(self.pid), open_files(self.pid), tasks))


def count_tasks(actor: Any) -> int:
    """Tasks on the event loops of an actor; runs inside it, in whichever thread."""
    loops = {value.get_loop() for value in vars(actor).values() if isinstance(value, asyncio.Future)}
    user = getattr(actor, "_user", None)
    if user is not None:
        loops.add(user.loop)
    return sum(len(asyncio.all_tasks(loop)) for loop in loops)


def long_lived(client: Any, tags: list[str], struck: set[int]) -> list[Watched]:
    """The controller, the proxies and the oldest replica of each backend, which is the last that scaling takes away.

    Args:
        struck: processes that may be stopped or about to end.
    """
    name = client._session.name

    def found(shown: str, short: str) -> Watched:
        return watched(shown, ray.get_actor(f"{name.controller}:{short}", namespace=name.namespace))

    controller = watched("controller", client._session.controller)
    proxies = [found(PROXY, short) for short in client._session.status()["proxies"]]
    return [controller, *proxies, *(found(f"a replica of {tag}", _oldest(client, tag, struck)) for tag in tags)]


def watched(name: str, actor: Any) -> Watched:
    """An actor's process, with no samples yet."""
    return Watched(name, ray.get(actor.__ray_call__.remote(_pid), timeout=BACK_S), actor)


def _pid(actor: Any) -> int:
    return os.getpid()


def _oldest(client: Any, tag: str, struck: set[int]) -> str:
    until = time.monotonic() + 60
    while True:
        rows = client._session.status()["backends"][tag]["replicas"].items()
        pids = {short: row["pid"] for short, row in rows if row["state"] == "RUNNING"}
        living = {short: pid for short, pid in pids.items() if pid not in struck}
        if living:
            return min(living, key=lambda short: _born(living[short]))
        if time.monotonic() > until:
            raise RuntimeError(f"no replica of {tag!r} runs that nothing was done to")
        time.sleep(0.1)


def _born(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[19])


class Sampler(Beside):
    """Samples processes every ten seconds, from `warm_up_s` seconds after its start on; a context manager."""

    def __init__(self, watched: list[Watched], warm_up_s: float) -> None:
        super().__init__()
        self._watched = watched
        self._warm_up_s = warm_up_s

    def _run(self) -> None:
        if self._stop.wait(self._warm_up_s):
            return
        while not self._stop.wait(EVERY_S):
            for one in self._watched:
                try:
                    one.sample()
                except (RayError, OSError) as error:  # too few samples are a figure that does not hold
                    print(f"{one.name}, process {one.pid}: no sample: {error!r}", file=sys.stderr)
