"""Peer: stock Ray Serve. Its three modes differ only in the environment (bench/systems/__init__.py)."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import ray
from ray import serve

from bench.systems.base import System, call_rate, main
from bench.systems.handlers import HANDLERS

APPLICATION = "bench"
THROUGHPUT_MODE = os.environ.get("RAY_SERVE_THROUGHPUT_OPTIMIZED") == "1"


class RayServe(System):
    """One application with one deployment of one replica."""

    def start(self) -> None:
        """Start Ray and Serve's proxy."""
        ray.init("local", num_cpus=self.cpus, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
        serve.start(http_options={"host": "127.0.0.1", "port": self.port})
        self._handle: Any = None
        self._loop = asyncio.new_event_loop()

    def serve(self, handler: str) -> str:
        """Deploy the handler in place of the one before."""
        if self._handle is not None:
            serve.delete(APPLICATION)
        # Its default limit of 5 requests in flight would throttle 32 connections; ours gets as many.
        deployment = serve.deployment(name=handler, max_ongoing_requests=1000)(HANDLERS[handler])
        self._handle = serve.run(deployment.bind(), name=APPLICATION, route_prefix=f"/{handler}")
        return f"/{handler}"

    def calls(self, seconds: float, in_flight: int) -> float:
        """Calls per second through a deployment handle."""
        handle = self._handle
        if not THROUGHPUT_MODE:
            return call_rate(handle.remote, lambda answers: [answer.result() for answer in answers], seconds, in_flight)

        # In this mode a handle works inside a running event loop only, and only in the one that used it first.
        async def batch(count: int) -> None:
            await asyncio.gather(*(handle.remote() for _ in range(count)))

        return call_rate(
            lambda: None, lambda slots: self._loop.run_until_complete(batch(len(slots))), seconds, in_flight
        )

    def stop(self) -> None:
        """Stop Serve, then Ray."""
        serve.shutdown()
        ray.shutdown()


if __name__ == "__main__":
    main(RayServe)
