"""The same FastAPI app on bare uvicorn behind this project's proxy: what the ingress of a deployment is compared with.

Two processes and no Ray: the proxy's own code with a route that never changes, and uvicorn on a unix socket.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import threading
import time

from bench.systems.base import System, main
from legacy.generations import DEPLOYMENT
from legacy.http_options import HTTPOptions
from legacy.ingress.app import ProxyApp
from legacy.ingress.front import Front, bind
from legacy.ingress.pool import Pool
from legacy.records import BackendView, Endpoint, ReplicaAddress, Update
from legacy.traffic.router import Router

NODE = "here"


class FastApiBehindProxy(System):
    """The proxy in a thread of this process, uvicorn in another process."""

    def start(self) -> None:
        """Start both and wait until they accept connections."""
        self._directory = tempfile.TemporaryDirectory()
        path = os.path.join(self._directory.name, "app.sock")
        command = [sys.executable, "-m", "uvicorn", "bench.systems.fastapi_app:app", "--uds", path]
        self._server = subprocess.Popen([*command, "--log-level", "error", "--no-access-log", "--no-server-header"])
        while not os.path.exists(path):
            time.sleep(0.01)
        self._ready = threading.Event()
        threading.Thread(target=lambda: asyncio.run(self._proxy(path)), daemon=True).start()
        if not self._ready.wait(30):
            raise RuntimeError("the proxy did not start")

    def deployments(self) -> dict[str, str]:
        """The app's path."""
        return {"fastapi": "/fast/hello"}

    def stop(self) -> None:
        """End uvicorn; the proxy's thread ends with this process."""
        self._server.terminate()
        self._server.wait()
        self._directory.cleanup()

    async def _proxy(self, path: str) -> None:
        router = Router(10_000)
        replica = ReplicaAddress("app#1", "app", NODE, self._server.pid, path)
        endpoint = Endpoint("app", "/fast", (), {"app": 1.0}, generation=DEPLOYMENT)
        router.apply(Update("e", 1, True, {"app": endpoint}, {"app": BackendView("app", 1000, (replica,))}))
        app = ProxyApp(router, Pool(NODE), HTTPOptions())
        front = Front(app, app.budget.requests)
        await front.start(bind("127.0.0.1", self.port))
        self._ready.set()
        await asyncio.Event().wait()


if __name__ == "__main__":
    main(FastApiBehindProxy)
