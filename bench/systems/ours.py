"""This project, through the public face an old program uses: Ray 1.2's client."""

from __future__ import annotations

import http.client
import statistics
import time
import timeit
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import ray

import serve_compat as serve
from bench.standby import await_standby
from bench.systems.base import System, call_rate, main
from bench.systems.fastapi_app import make_app
from bench.systems.handlers import HANDLERS, hello
from bench.systems.rolling import rolling_update

SLOTS = {"max_concurrent_queries": 1000}  # as many as Ray Serve gets here
CREATORS = 8  # threads that register endpoints


class ServeCompat(System):
    """One instance; its backends come and go with the commands."""

    def start(self) -> None:
        """Start Ray and this project's proxy."""
        ray.init("local", num_cpus=self.cpus, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
        self._client: Any = serve.start(http_options={"host": "127.0.0.1", "port": self.port, "standby_after_s": 0})
        await_standby(self._client)  # users have it after ten seconds, and its start would disturb the first numbers
        self._served: str | None = None
        self._fresh = 0

    def serve(self, handler: str) -> str:
        """A backend and an endpoint for the handler in place of those before."""
        if self._served is not None:
            self._client.delete_endpoint(self._served)
            self._client.delete_backend(self._served)
        self._create(handler, handler, methods=["GET", "POST"])
        self._served = handler
        return f"/{handler}"

    def serve_in_line(self) -> str:
        """The sync handler with the default of a client-style backend: 8 slots, the other requests queue."""
        self._create("in_line", "hello_sync", methods=["GET", "POST"], config={})
        return "/in_line"

    def calls(self, seconds: float, in_flight: int) -> float:
        """Calls per second through a sync handle."""
        return call_rate(self._client.get_handle("hello").remote, ray.get, seconds, in_flight)

    def endpoints(self, count: int) -> float:
        """Register endpoints until there are `count` of them, all on the served backend; returns seconds."""
        began = time.perf_counter()
        have = len(self._client.list_endpoints())

        def create(number: int) -> None:
            self._client.create_endpoint(f"more_{number}", backend=self._served, route=f"/more/{number}")

        with ThreadPoolExecutor(CREATORS) as pool:
            list(pool.map(create, range(have, count)))
        return time.perf_counter() - began

    def routing(self) -> dict[str, str]:
        """Three endpoints on two equal backends: one backend alone, split in halves, and 10% shadowed."""
        self.serve("hello")
        self._client.create_backend("twin", hello)
        self._client.create_endpoint("split", backend="hello", route="/split")
        self._client.set_traffic("split", {"hello": 0.5, "twin": 0.5})
        self._client.create_endpoint("shadowed", backend="hello", route="/shadowed")
        self._client.shadow_traffic("shadowed", "twin", 0.1)
        return {"alone": "/hello", "split": "/split", "shadowed": "/shadowed"}

    def deployments(self) -> dict[str, str]:
        """The same handler behind a legacy endpoint and as a deployment, and a FastAPI app as ingress."""
        self.serve("hello")
        self._deployed = serve.deployment(hello, name="deployed", version="1")
        self._deployed.deploy()
        serve.deployment(serve.ingress(make_app())(type("Fast", (), {})), name="fast").deploy()
        return {"legacy": "/hello", "deployment": "/deployed", "fastapi": "/fast/hello"}

    def redeploy(self) -> float:
        """Seconds for deploy() of a version that runs already; the median of nine."""
        return statistics.median(timeit.repeat(self._deployed.deploy, number=1, repeat=9))

    def rolling_update(self, seconds: float) -> dict[str, float]:
        """See bench.systems.rolling."""
        return rolling_update(self._client._session, self.port, seconds)

    def start_one(self) -> float:
        """From create_backend to the first answer over HTTP."""
        tag = self._next_tag()
        began = time.perf_counter()
        self._create(tag, "hello", methods=["GET"])
        self._get(f"/{tag}")
        took = time.perf_counter() - began
        self._delete([tag])
        return took

    def start_eight(self) -> float:
        """From 1 to 8 replicas: the call returns when all are up."""
        tag = self._next_tag()
        self._create(tag, "hello", methods=["GET"])
        began = time.perf_counter()
        self._client.update_backend_config(tag, {"num_replicas": 8})
        took = time.perf_counter() - began
        self._delete([tag])
        return took

    def stop(self) -> None:
        """Stop the instance, then Ray."""
        self._client.shutdown()
        ray.shutdown()

    def _next_tag(self) -> str:
        self._fresh += 1
        return f"fresh_{self._fresh}"

    def _create(self, tag: str, handler: str, methods: list[str], config: dict[str, int] = SLOTS) -> None:
        self._client.create_backend(tag, HANDLERS[handler], config=config)
        self._client.create_endpoint(tag, backend=tag, route=f"/{tag}", methods=methods)

    def _delete(self, tags: Iterable[str]) -> None:
        for tag in tags:
            self._client.delete_endpoint(tag)
            self._client.delete_backend(tag)

    def _get(self, path: str) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        if answer.status != 200:
            raise RuntimeError(f"GET {path} answered {answer.status}: {body!r}")


if __name__ == "__main__":
    main(ServeCompat)
