"""The actor of one replica: user code on a loop of its own, control and handle calls on the actor's loop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
import time
from dataclasses import replace
from typing import Any, Literal

import ray

from legacy import eras, settings
from legacy.config import BackendConfig
from legacy.constants import CONCURRENCY_1_4
from legacy.environments.cache import hold_own_environment
from legacy.errors import RayServeException
from legacy.http.limits import limits_of
from legacy.http.tls import tls_files
from legacy.logs import guard_libraries, logger
from legacy.records import ReplicaAddress, ReplicaStart, StartFailure
from legacy.replica import context
from legacy.replica.app import ReplicaApp
from legacy.replica.calls import PLAIN, RAW, Gate, HandleCalls, Meta
from legacy.replica.code import arrived, construct, load, prepare
from legacy.replica.faults import error_text, traceback_text, users_part
from legacy.replica.health import ask
from legacy.replica.invoke import Servable
from legacy.replica.liveness import Liveness
from legacy.replica.metrics import ReplicaMetrics
from legacy.replica.server import ReplicaServer, bind_private
from legacy.replica.user_loop import UserLoop, contained
from legacy.seldom import Seldom

HEADROOM = 4  # several routers may each send up to the limit; beyond that the replica itself holds back
SHOWN = 1000  # characters of an error that `status` shows
QUIET_S = 0.05  # how long a draining replica must have been idle
_LOOK_S = 0.01
_EXPIRE_LOOKS = 50
_CLOSE_S = 1.5
_FLUSH_S = 1.0

Step = Literal["constructor", "reconfigure", "lost", "import", "environment"]


class ServeReplica:
    """One process that runs a backend. The controller makes the actor; routers send it requests.

    Args:
        start: what the replica is; its code is unpickled by `initialize` only.
    """

    def __init__(self, start: ReplicaStart) -> None:
        guard_libraries()
        hold_own_environment()
        self._start = start
        self._step: Step = "environment"
        self._user = UserLoop()
        self._server = ReplicaServer(limits_of(start.options))
        self._gate = Gate(_ceiling(start.spec.config))
        self._servable: Servable | None = None
        self._app: ReplicaApp | None = None
        self._calls: HandleCalls | None = None
        self._metrics: ReplicaMetrics | None = None
        self._seldom = Seldom()
        self._liveness: Liveness | None = None
        self._birth: asyncio.Task[ReplicaAddress | StartFailure] | None = None
        self._drained: asyncio.Task[None] | None = None
        self._drain_until = float("inf")
        self._stopped: asyncio.Task[None] | None = None
        self._tcp: tuple[str, int] | None = None

    async def initialize(self) -> ReplicaAddress | StartFailure:
        """Run the constructor and open the sockets. Calling it again gives the first call's outcome.

        Returns:
            Where routers reach the replica (without an actor handle), or why it did not come up. User exceptions are
            never raised: the controller must not unpickle them.
        """
        if self._birth is None:
            self._liveness = Liveness(self._user)
            self._birth = asyncio.get_running_loop().create_task(self._begin())
        assert self._liveness is not None
        lost = self._liveness.lost
        await asyncio.wait((self._birth, lost), return_when=asyncio.FIRST_COMPLETED)
        return (
            self._birth.result() if self._birth.done() else self._failure(RayServeException(lost.result()), self._step)
        )

    async def handle_request(self, meta: Meta, /, *args: Any, **kwargs: Any) -> tuple[Any, None]:
        """Run one handle call. Called with `num_returns=2`: the second value only says that the call is over.

        Raises:
            MethodMissingError: the backend has no such method.
            Exception: whatever user code raises.
        """
        if self._calls is None:
            raise self._not_ready()
        return await self._calls.call(meta, args, kwargs), None

    async def handle_plain(self, /, *args: Any, **kwargs: Any) -> tuple[Any, None]:
        """`handle_request` for a call without options, see `actor_method`."""
        return await self.handle_request(PLAIN, *args, **kwargs)

    async def handle_raw(self, /, *args: Any, **kwargs: Any) -> tuple[Any, None]:
        """The same for deployments, whose arguments reach the handler as they are."""
        return await self.handle_request(RAW, *args, **kwargs)

    async def reconfigure(self, config: BackendConfig) -> StartFailure | None:
        """Take over a new config, calling the user's `reconfigure` if its user_config changed."""
        if self._servable is None or self._app is None:
            return self._failure(self._not_ready(), "reconfigure")
        self._gate.widen(_ceiling(config))
        self._app.ceiling = _ceiling(config)
        try:
            await self._user.run(contained, self._servable.configure, config)
        except Exception as error:  # user code may raise anything; the controller gets it as text
            return self._failure(error, "reconfigure")
        return None

    async def alive(self) -> None:
        """Answers at once whatever user code does, unless the process is stopped or Python's lock is never free."""

    async def check_health(self, timeout_s: float) -> bool:
        """Ask the user's `check_health`, if it has one, on the user loop.

        Args:
            timeout_s: seconds that one check may take from its beginning.

        Returns:
            Whether it was asked: while user code keeps the loop, which may be for minutes, nothing is known.

        Raises:
            RayServeException: it raised, or took longer without user code keeping the loop.
        """
        if self._servable is None or not self._servable.has_health_check:
            return True
        return await ask(self._servable, self._user, self._start.tag, timeout_s)

    async def drain(self, timeout_s: float) -> None:
        """Finish what is there, then stop. No router sends new requests any more, and no handle call is on its way.

        HTTP requests that still arrive are refused without running user code. Calling it again only shortens the time.

        Args:
            timeout_s: seconds until it gives up: HTTP requests that are not done then are answered with 503.
        """
        if self._app is not None:
            self._app.draining = True
        self._drain_until = min(self._drain_until, time.monotonic() + timeout_s)
        if self._drained is None:
            self._drained = asyncio.get_running_loop().create_task(self._finish())
        await asyncio.shield(self._drained)

    async def stop(self) -> None:
        """Close the sockets and call the user's `__del__`, once."""
        if self._stopped is None:
            self._stopped = asyncio.get_running_loop().create_task(self._stop())
        await asyncio.shield(self._stopped)

    async def load(self) -> int:
        """Requests that are running or queued here right now."""
        return self._running() + self._gate.waiting

    async def counts(self) -> tuple[int, int, str]:
        """Requests handled since the start, how many of them failed, and the last error."""
        metrics = self._metrics
        return (metrics.requests, metrics.errors, metrics.last_error[:SHOWN]) if metrics is not None else (0, 0, "")

    async def open_tcp(self) -> tuple[str, int]:
        """Listen for routers on other nodes too; gives (ip, port), or RayServeException before it is ready."""
        if self._app is None:
            raise self._not_ready()
        if self._tcp is None:
            host = ray.util.get_node_ip_address()
            files = tls_files(settings.load())
            port = await self._user.run(self._server.serve_tcp, self._app, host, self._start.secret, files)
            self._tcp = host, port
        return self._tcp

    async def wait_until_gone(self) -> str:
        """Why user code will never go on, once that is so; fails with RayActorError when the process dies."""
        assert self._liveness is not None
        return await asyncio.shield(self._liveness.lost)

    async def _begin(self) -> ReplicaAddress | StartFailure:
        try:
            return await self._start_up()
        except Exception as error:  # user code may raise anything; the controller gets it as text
            self._server.remove_socket()
            return self._failure(error, self._step)

    async def _start_up(self) -> ReplicaAddress:
        start, spec = self._start, self._start.spec
        logger.setLevel(logging.DEBUG if settings.load().debug_log else logging.INFO)
        sys.path.extend(path for path in spec.sys_path if path not in sys.path)
        sock, path = bind_private(start.socket_dir)
        self._server.owns(path)
        here = context.ReplicaContext(spec.tag, start.tag, None, *start.instance)
        context.set_current(here)
        eras.follow(spec.generation)
        self._step = "lost"
        pickled = await arrived(spec.code)
        self._step = "import"
        if spec.setup:
            prepare(spec.setup)
        code = await self._user.run(contained, load, pickled)
        del pickled
        self._start = replace(start, spec=replace(spec, code=b""))  # so that large code leaves Ray's object store
        self._step = "constructor"
        here.servable_object = await self._user.run(contained, construct, code)
        servable = Servable(here.servable_object, spec.tag, spec.config, spec.generation)
        await self._user.run(contained, servable.start)
        self._step = "reconfigure"
        await self._user.run(contained, servable.configure, spec.config)
        self._step = "environment"
        metrics = ReplicaMetrics(spec.tag, start.tag)
        name = f"{spec.tag!r}, replica {start.tag}"
        app = ReplicaApp(servable, metrics, _ceiling(spec.config), start.options.debug, name)
        self._server.speaks_websocket = servable.asgi is not None
        await self._user.run(self._server.serve_unix, app, sock)
        self._servable, self._app, self._metrics = servable, app, metrics
        self._calls = HandleCalls(servable, metrics, self._gate, self._user)
        self._flush_metrics()
        tcp = await self.open_tcp() if start.listen_tcp else None
        node = ray.get_runtime_context().get_node_id()
        return ReplicaAddress(start.tag, spec.tag, node, os.getpid(), path, tcp)

    def _not_ready(self) -> RayServeException:
        return RayServeException(f"replica {self._start.tag} is not ready")

    def _failure(self, error: BaseException, step: Step) -> StartFailure:
        trace = (type(error), error, users_part(error.__traceback__))
        logger.error("%s of replica %s failed", step, self._start.tag, exc_info=trace)
        return StartFailure(self._start.tag, error_text(error), traceback_text(error), step)

    def _running(self) -> int:
        return self._gate.running + (self._app.in_flight if self._app else 0)

    async def _finish(self) -> None:
        idle_since: float | None = None
        while (now := time.monotonic()) < self._drain_until:
            idle = not self._running() and not self._gate.waiting
            idle_since = (idle_since or now) if idle else None
            if idle_since is not None and now - idle_since >= QUIET_S:
                break
            await asyncio.sleep(_LOOK_S)
        else:
            await self._give_up()
        await self.stop()

    async def _give_up(self) -> None:
        app = self._app
        if app is None or not app.in_flight:
            return
        app.expired = True
        self._user.loop.call_soon_threadsafe(self._server.cancel_running)
        for _ in range(_EXPIRE_LOOKS):
            if not app.in_flight:
                return
            await asyncio.sleep(_LOOK_S)
        self._server.abandon()

    async def _stop(self) -> None:
        if self._liveness is not None:
            self._liveness.stop()
        try:
            await asyncio.wait_for(self._user.run(self._server.close), _CLOSE_S)
        except asyncio.TimeoutError:  # a sync handler blocks the user loop for good
            return
        finally:
            self._server.remove_socket()
        if self._servable is not None:
            with contextlib.suppress(Exception):  # a destructor's error concerns nobody any more
                await self._user.run(contained, self._servable.destroy)

    def _flush_metrics(self) -> None:
        if self._metrics is not None and self._stopped is None:
            try:
                self._metrics.flush(self._running(), self._gate.waiting)
            except Exception:  # metrics must not end with one that Ray does not take
                self._seldom.failed("the count of requests")
            asyncio.get_running_loop().call_later(_FLUSH_S, self._flush_metrics)


def _ceiling(config: BackendConfig) -> int:
    return HEADROOM * (config.max_concurrent_queries or CONCURRENCY_1_4)
