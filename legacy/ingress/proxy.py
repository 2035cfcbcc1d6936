"""The HTTP proxy of one node, as a Ray actor: follows the controller, serves clients, reports what it counts."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import logging
import pickle
import socket
from typing import Any

from legacy import controllers, settings
from legacy.config import HTTPOptions
from legacy.constants import DEFAULT_HTTP_HOST
from legacy.http.limits import Limits
from legacy.http.tls import tls_files
from legacy.ingress.app import ProxyApp
from legacy.ingress.counters import Counters
from legacy.ingress.front import Front, bind, wrap
from legacy.ingress.pool import Pool
from legacy.ingress.record import recorded
from legacy.metrics import Exporter
from legacy.records import Poll, ProxyStart, Update
from legacy.traffic.router import Router
from legacy.traffic.watcher import follow

TICK_S = Limits.tick_s
BIND_TRIES = 10
BIND_PAUSE_S = 0.2

logger = logging.getLogger("ray.serve")


class ServeProxy:
    """One node's HTTP proxy; make it an asyncio actor. It starts by itself, also when Ray restarts it.

    Args:
        start: where to listen, and the controller to follow.
    """

    def __init__(self, start: ProxyStart) -> None:
        self._start = start
        options = pickle.loads(start.options)
        if not isinstance(options, HTTPOptions):
            raise TypeError(f"ProxyStart.options must be the pickle of HTTPOptions, not of {type(options).__name__}")
        self._options = options
        self._router = Router(options.max_queued_requests)
        files = tls_files(settings.load())
        self._pool = Pool(start.node_id, files.client_context() if files else None)
        self._controller: Any = None
        self._front: Front | None = None
        self._app: ProxyApp | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._gone = asyncio.Event()
        self._begun = asyncio.get_event_loop().create_task(self._begin())

    async def ready(self) -> tuple[str, int]:
        """Wait until clients are served; returns the address, or raises the OSError of `bind`."""
        return await asyncio.shield(self._begun)

    async def wait_until_gone(self) -> None:
        """Never returns while the proxy lives: whoever awaits it learns of its death."""
        await self._gone.wait()

    async def counters(self) -> Counters:
        """The totals since the start."""
        return self._app.counters() if self._app is not None else Counters()

    async def stop(self) -> None:
        """Accept no more requests, let those in progress end, and close every connection."""
        self._begun.cancel()
        if self._front is not None:
            await self._front.stop()
        for task in self._tasks:
            task.cancel()
        if self._app is not None:
            self._app.close()
        self._pool.close()

    async def _begin(self) -> tuple[str, int]:
        known = asyncio.Event()
        router = self._router
        self._spawn(follow(self._poll, router, self._start.name, "proxy", lambda update: known.set()))
        await known.wait()  # routes first: nobody shall get a 404 because the proxy has just come back
        self._app = ProxyApp(router, self._pool, self._options)
        application = wrap(self._app, self._options.middlewares)
        record = settings.load().record
        self._front = Front(recorded(application, record) if record else application)
        address = await self._front.start(await self._bind())
        self._spawn(self._tick(self._front, self._app))
        _collect_rarely()
        logger.info("HTTP proxy %s listens on %s:%d", self._start.name, *address)
        return address

    async def _bind(self) -> socket.socket:
        host, port = self._options.host or DEFAULT_HTTP_HOST, self._options.port
        for _ in range(BIND_TRIES - 1):
            try:
                return bind(host, port)
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
            await asyncio.sleep(BIND_PAUSE_S)  # the process this one replaces may not be quite gone
        return bind(host, port)

    def _spawn(self, coroutine: Any) -> None:
        self._tasks.append(asyncio.get_running_loop().create_task(coroutine))

    async def _poll(self, poll: Poll) -> Update:
        if self._controller is None:
            self._controller = controllers.find(self._start.instance)
        try:
            update: Update = await self._controller.watch.options(max_task_retries=0).remote(poll)
        except Exception:  # whatever it was, the controller may be another actor by now; the watcher tries again
            self._controller = None
            raise
        return update

    async def _tick(self, front: Front, app: ProxyApp) -> None:
        exporter = Exporter()
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(TICK_S)
            now = loop.time()
            front.tick(now)
            self._pool.tick(now)
            with contextlib.suppress(Exception):  # metrics must not stop the deadlines
                app.counters().flush(exporter)


def _collect_rarely() -> None:
    # A request leaves no reference cycles behind; looking for some after every 30th cost 5% of the throughput.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
