"""An HTTP proxy of a node, as a Ray actor: follows the controller, serves clients, reports what it counts."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import pickle
import socket
from functools import partial
from typing import Any

from legacy import controllers, settings
from legacy.constants import DEFAULT_HTTP_HOST
from legacy.errors import RayServeException
from legacy.http.admission import raise_limit
from legacy.http.limits import Limits, limits_of
from legacy.http.tls import tls_files
from legacy.http_options import HTTPOptions
from legacy.ingress.app import ProxyApp
from legacy.ingress.counters import Counters
from legacy.ingress.front import Front, bind, wrap
from legacy.ingress.pool import Pool
from legacy.ingress.record import recorded
from legacy.logs import guard_libraries, logger
from legacy.metrics import Exporter
from legacy.port_lock import PortLock
from legacy.process import Process, end, this_process
from legacy.records import Poll, ProxyLook, ProxyStart, ProxyState, Update
from legacy.seldom import Seldom
from legacy.traffic.router import Router
from legacy.traffic.watcher import follow
from legacy.trusted import peers

TICK_S = Limits.tick_s
LOOK_S = 1.0  # a look ends after this, should there be no news
# The process this one follows may not be quite gone: its sockets are closed one after the other.
BIND_PAUSES_S = (0.001, 0.002, 0.004, 0.01, 0.02, 0.05, 0.1, *(0.2,) * 9)


class ServeProxy:
    """One of a node's HTTP proxies; make it an asyncio actor. It starts by itself, also when Ray restarts it.

    Of those of a node one listens. The others have everything but the port, and wait for its lock.

    Args:
        start: where to listen, and the controller to follow.
    """

    def __init__(self, start: ProxyStart) -> None:
        guard_libraries()
        raise_limit()
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
        self._lock = PortLock(start.run_dir, start.node_id, options.port) if start.run_dir else None
        self._now = ProxyLook(ProxyState.STARTING, this_process())
        self._news = asyncio.Event()
        self._begun = asyncio.get_event_loop().create_task(self._begin())

    async def look(self, seen: ProxyState) -> ProxyLook:
        """What it does now; waits for up to a second while that is still what was `seen`."""
        if self._now.state is seen:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._news.wait(), LOOK_S)
        return self._now

    async def end(self, process: Process) -> bool:
        """Kill another proxy of this node that answers nobody any more; False when it is gone already."""
        return end(process)

    async def counters(self) -> Counters:
        """The totals since the start."""
        return self._app.counters() if self._app is not None else Counters()

    async def stop(self) -> None:
        """Accept no more requests, let those in progress end, and close every connection."""
        self._begun.cancel()
        if self._front is not None:
            await self._front.stop()
        if self._lock is not None:
            self._lock.release()
        for task in self._tasks:
            task.cancel()
        if self._app is not None:
            self._app.close()
        self._pool.close()

    async def _begin(self) -> None:
        try:
            self._become(ProxyState.RUNNING, address=await self._listen())
        except OSError as error:
            self._become(ProxyState.FAILED, error=error)
        except Exception as error:  # middlewares are user code; the controller gets the error as text
            logger.exception("HTTP proxy %s cannot start", self._start.name)
            said = RayServeException(f"the HTTP proxy cannot start: {type(error).__name__}: {error}")
            self._become(ProxyState.FAILED, error=said)
        if self._lock is not None and self._now.state is ProxyState.FAILED:
            self._lock.release()  # the other one may have more luck

    async def _listen(self) -> tuple[str, int]:
        known = asyncio.Event()
        router = self._router
        self._spawn(follow(self._poll, router, self._start.name, "proxy", lambda update: known.set()))
        await known.wait()  # routes first: nobody shall get a 404 because the proxy has just come back
        self._app = ProxyApp(router, self._pool, self._options)
        application = wrap(self._app, self._options.middlewares)
        record = settings.load().record
        application = recorded(application, record) if record else application
        options, share = self._options, self._app.budget.requests
        trusted = peers(options.trusted_proxies, settings.load().forwarded_allow_ips)
        user_code = bool(options.middlewares)
        self._front = Front(application, share, limits_of(options), self._pool.size, trusted, user_code)
        _collect_rarely()
        if self._lock is not None:
            self._become(ProxyState.STANDBY)
            await self._lock.acquire()
        address = await self._front.start(await self._bind())
        self._spawn(self._tick(self._front, self._app))
        logger.info("HTTP proxy %s listens on %s:%d", self._start.name, *address)
        return address

    def _become(
        self, state: ProxyState, address: tuple[str, int] | None = None, error: Exception | None = None
    ) -> None:
        self._now = ProxyLook(state, self._now.process, address, error)
        self._news.set()
        self._news = asyncio.Event()

    async def _bind(self) -> socket.socket:
        host, port = self._options.host or DEFAULT_HTTP_HOST, self._options.port
        for pause_s in BIND_PAUSES_S:
            try:
                return bind(host, port)
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
            await asyncio.sleep(pause_s)
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
        exporter, seldom = Exporter(), Seldom()
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(TICK_S)
            now = loop.time()
            for what, work in (
                ("the look at clients' connections", partial(front.tick, now)),
                ("the look at replicas' connections", partial(self._pool.tick, now)),
                ("the count of requests", lambda: app.counters().flush(exporter)),
            ):
                try:
                    work()
                except Exception:  # none of them must stop the others
                    seldom.failed(what)


def _collect_rarely() -> None:
    # A request leaves no reference cycles behind; looking for some after every 30th cost 5% of the throughput.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
