"""Peer: plain Ray actors, no serving at all. The floor for starting a process and the ceiling for calling it."""

from __future__ import annotations

import time
from typing import Any

import ray

from bench.systems.base import System, call_rate, main
from bench.systems.handlers import HELLO

STARTED_AT_ONCE = 8


class Plain:
    """An async actor, as replicas are."""

    async def hello(self, request: Any = None) -> str:
        """The hello world of the other systems."""
        return HELLO


class RawActor(System):
    """A Ray cluster without serving."""

    def start(self) -> None:
        """Start Ray and the actor that is called."""
        ray.init("local", num_cpus=self.cpus, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
        self._kind = ray.remote(num_cpus=1, max_concurrency=1000)(Plain)
        self._actor = self._kind.remote()
        ray.get(self._actor.hello.remote())

    def calls(self, seconds: float, in_flight: int) -> float:
        """Calls per second of the one actor."""
        return call_rate(self._actor.hello.remote, ray.get, seconds, in_flight)

    def start_one(self) -> float:
        """A fresh actor to its first answer."""
        return self._start(1)

    def start_eight(self) -> float:
        """Eight fresh actors, each to its first answer."""
        return self._start(STARTED_AT_ONCE)

    def stop(self) -> None:
        """Stop Ray."""
        ray.shutdown()

    def _start(self, count: int) -> float:
        began = time.perf_counter()
        actors = [self._kind.remote() for _ in range(count)]
        ray.get([actor.hello.remote() for actor in actors])
        took = time.perf_counter() - began
        for actor in actors:
            ray.kill(actor)
        return took


if __name__ == "__main__":
    main(RawActor)
