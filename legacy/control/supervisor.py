"""Supervises the replicas of one backend: starts, updates and drains them as the plan says, and watches them run.

Every wait has a deadline. Nothing here decides; each step ends by telling the reconciler that the backend changed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from functools import partial
from typing import Any

from ray.exceptions import RayError

from legacy import cluster
from legacy.config import BackendConfig
from legacy.control.answering import AGAIN_S, until_gone, until_silent
from legacy.control.checkpoint import CheckpointError
from legacy.control.fleet import Fleet, Live
from legacy.control.health import FAILED_CHECKS, GIVEN_UP_CHECKS, check, failed_check, failed_first_check
from legacy.control.instance import STOP_S
from legacy.control.plan import State
from legacy.control.registered import BackendRecord
from legacy.control.room import watch_room
from legacy.control.tools import Tools
from legacy.endless import go_on
from legacy.errors import EnvironmentFailedError
from legacy.logs import logger
from legacy.records import BackendView, ReplicaAddress, ReplicaStart, StartFailure

ACKNOWLEDGE_S = 10.0  # how long a drain waits for slow routers


class Supervisor:
    """Of one backend's replicas. One event loop.

    Args:
        touch: called with the backend's tag when something about it changed.
    """

    def __init__(self, fleet: Fleet, tools: Tools, touch: Callable[[str], None]) -> None:
        self._fleet = fleet
        self._tools = tools
        self._touch = touch

    def start(self, live: Live, begin: ReplicaStart) -> None:
        """Start a replica in the background; it is routed once it has passed its first health check."""
        self._tools.store.save("replica", live.seen.tag, live.record())  # first, so that no actor can be forgotten
        self._fleet.replicas[live.seen.tag] = live
        live.spawn(self._start(live, begin))

    def adopt(self, live: Live) -> None:
        """Take over a replica that an earlier life of the controller started."""
        self._fleet.replicas[live.seen.tag] = live
        if live.seen.state is State.DRAINING:
            live.spawn(self._drain(live))
            self._have_watched(live, *((self._until_silent,) if live.address is not None else ()))
        elif live.address is None:
            live.spawn(self._await_start(live))
        else:
            self._watch(live)

    def cancel(self, tag: str) -> None:
        """Kill a replica that has not come up; its failure does not count."""
        live = self._fleet.replicas[tag]
        if live.actor is not None:
            self._tools.launcher.kill(live.actor)  # before it is forgotten: nobody would find it after a crash
        self._remove(live)

    def drain(self, tag: str) -> None:
        """Unroute a replica now, stop it in the background when its requests are done."""
        live = self._fleet.replicas[tag]
        live.seen.state = State.DRAINING
        live.spawn(self._drain(live))

    def update(self, tag: str, record: BackendRecord) -> None:
        """Give a running replica the config of a record in the background."""
        live = self._fleet.replicas[tag]
        live.seen.state = State.UPDATING
        live.revision = record.revision
        live.spawn(self._update(live, record.config, record.stamp))

    def open_tcp_ports(self) -> None:
        """Let routers on other nodes reach the replicas that have only their unix socket."""
        for live in self._fleet.replicas.values():
            if live.address is not None and live.address.tcp is None and not live.opening_tcp:
                live.opening_tcp = True
                live.spawn(self._open_tcp(live))

    def publish(self) -> int:
        """Tell the routers what may be used now, if that changed; gives the version in which it is true."""
        view: BackendView | None = None
        if not self._fleet.deleted or self._fleet.replicas:
            view = self._fleet.view()
        if view != self._fleet.published:
            self._fleet.published = view
            return self._tools.publisher.put(("backend", self._fleet.tag), view)
        return self._tools.publisher.version

    async def _start(self, live: Live, begin: ReplicaStart) -> None:
        actor_options, environment = begin.spec.actor_options, begin.spec.environment
        ready, tried = actor_options, set[str]()
        try:
            if environment is not None:
                preparing = self._tools.environments.options_for(environment, actor_options)
                ready, tried = await asyncio.wait_for(preparing, self._tools.start_timeout_s)
            live.code = await self._tools.store.large.sendable(begin.spec.code)
            begin = replace(begin, spec=replace(begin.spec, code=live.code))
            live.spawn(watch_room(live, self._fleet, self._tools.launcher, ready))
            live.actor = self._tools.launcher.start_replica(begin, ready)
        except EnvironmentFailedError as error:
            self._failed(live, StartFailure(live.seen.tag, str(error), "", "environment"))
        except asyncio.TimeoutError:
            text = f"TimeoutError: its environment was not ready after {self._tools.start_timeout_s:g} s"
            self._failed(live, StartFailure(live.seen.tag, text, "", "timeout"))
        except (ValueError, TypeError, CheckpointError, RayError) as error:  # Ray refuses options, or code is gone
            self._failed(live, StartFailure(live.seen.tag, f"{type(error).__name__}: {error}", "", "actor"))
        else:
            if environment is not None:
                live.spawn(self._try_late_nodes(live, actor_options, tried))
            await self._await_start(live)

    async def _try_late_nodes(self, live: Live, actor_options: dict[str, Any], tried: set[str]) -> None:
        """A replica that waits for room is bound to the nodes that had its environment: give later ones a chance."""
        await self._tools.environments.other_nodes(actor_options, tried)
        if live.seen.state is State.STARTING:
            waits = await asyncio.get_running_loop().run_in_executor(None, cluster.waits_for_room, live.actor)
            if waits and live.seen.state is State.STARTING:
                self.cancel(live.seen.tag)  # the next plan starts another, wherever there is room then

    async def _await_start(self, live: Live) -> None:
        tag = live.seen.tag
        try:
            outcome = await asyncio.wait_for(live.actor.initialize.remote(), self._tools.start_timeout_s)
        except asyncio.TimeoutError:
            text = f"not ready after {self._tools.start_timeout_s:g} s (no room, a slow constructor, or it is stopped)"
            outcome = StartFailure(tag, f"TimeoutError: {text}", "", "timeout")
        except RayError as error:
            outcome = StartFailure(tag, f"{type(error).__name__}: {error}", "", "died")
        if isinstance(outcome, ReplicaAddress):
            live.first_check = True
            timeout_s, limit_s = self._fleet.config.health_check_timeout_s, self._tools.start_timeout_s
            outcome = await failed_first_check(tag, live.actor, timeout_s, limit_s) or outcome
            live.first_check = False
        if not self._is_here(live):
            return
        if isinstance(outcome, StartFailure):
            if outcome.kind == "lost" and self._tools.store.large.lost(live.code):
                self.cancel(tag)
            else:
                self._failed(live, outcome)
            return
        self._fleet.succeeded()
        live.address, live.code = outcome, None
        live.seen.state = State.RUNNING
        self._tools.store.journal.save("replica", tag, live.record())
        self._watch(live)
        self.publish()
        self._touch(self._fleet.tag)

    async def _update(self, live: Live, config: BackendConfig, stamp: str) -> None:
        try:
            outcome = await asyncio.wait_for(live.actor.reconfigure.remote(config), self._tools.start_timeout_s)
        except (RayError, asyncio.TimeoutError) as error:
            outcome = StartFailure(live.seen.tag, f"{type(error).__name__}: {error}", "", "reconfigure")
        failure = outcome or await self._failed_check(live)
        if live.seen.state is not State.UPDATING:
            return
        live.seen.state = State.RUNNING
        if failure is not None:
            self._count(live, failure)
        else:
            self._well(live)
            live.seen.stamp = stamp
            self._tools.store.journal.save("replica", live.seen.tag, live.record())
        self._touch(self._fleet.tag)

    async def _drain(self, live: Live) -> None:
        tag = live.seen.tag
        timeout_s = 0.0 if self._fleet.force else self._fleet.config.experimental_graceful_shutdown_timeout_s
        self._tools.store.journal.save("replica", tag, live.record())
        # Forced, calls may break off: only proxies are told first, so that new HTTP requests go elsewhere.
        kinds = ("proxy",) if self._fleet.force else ("proxy", "handle")
        await self._tools.publisher.acknowledged(self.publish(), ACKNOWLEDGE_S, kinds)
        until = _now() + timeout_s
        await self._tools.publisher.finished(tag, timeout_s)
        left_s = max(0.0, until - _now())
        try:
            await asyncio.wait_for(live.actor.drain.remote(left_s), left_s + STOP_S)
        except (RayError, asyncio.TimeoutError) as error:
            logger.warning("replica %r did not stop by itself: %s", tag, type(error).__name__)
        self._tools.launcher.kill(live.actor)
        self._remove(live)

    async def _open_tcp(self, live: Live) -> None:
        try:
            host, port = await asyncio.wait_for(live.actor.open_tcp.remote(), STOP_S)
        except (RayError, asyncio.TimeoutError) as error:
            logger.warning("replica %r opened no TCP port: %s", live.seen.tag, error)
            live.opening_tcp = False
            return
        if live.address is not None:
            live.address = replace(live.address, tcp=(host, port))
            self._tools.store.journal.save("replica", live.seen.tag, live.record())
            self.publish()

    def _watch(self, live: Live) -> None:
        if live.address is not None:
            live.address = replace(live.address, actor=live.actor)
        self._have_watched(live, self._until_dead, self._until_silent, self._check_health)

    def _have_watched(self, live: Live, *watches: Callable[[Live], Coroutine[Any, Any, None]]) -> None:
        for watch in watches:
            live.spawn(go_on(f"the watch over replica {live.seen.tag!r}", partial(watch, live), AGAIN_S))

    async def _until_silent(self, live: Live) -> None:
        is_working = partial(self._tools.launcher.is_working, live.address)
        if await until_silent(live.seen.tag, live.actor, lambda: self._fleet.config.answer_limits(), is_working):
            self._hangs(live, "its process answers nothing and does not compute: it is stopped or stuck")
            if live.seen.state is State.DRAINING:
                self._tools.launcher.kill(live.actor)  # it will finish no request; `_drain` hears of it

    async def _until_dead(self, live: Live) -> None:
        try:
            self._hangs(live, await until_gone(live.actor))
        except RayError as error:
            if self._is_here(live):
                logger.warning("replica %r died: %s", live.seen.tag, type(error).__name__)
                self._remove(live)

    def _hangs(self, live: Live, why: str) -> None:
        if self._is_here(live):  # one that drains has its deadline
            self._failed(live, StartFailure(live.seen.tag, why, "", "hung"))

    async def _check_health(self, live: Live) -> None:
        while self._is_here(live):
            config = self._fleet.config
            await asyncio.sleep(config.health_check_period_s)
            failure, asked = await check(live.seen.tag, live.actor, config.health_check_timeout_s)
            if not self._is_here(live) or (failure is not None and failure.kind == "died"):
                return  # `_until_dead` sees it too
            if not asked:
                continue  # it works, or it hangs, which `_until_silent` tells apart
            if failure is not None:
                live.unhealthy += 1
                logger.warning("replica %r failed health check %d: %s", live.seen.tag, live.unhealthy, failure.error)
                if live.unhealthy >= FAILED_CHECKS:
                    await self._unwell(live, failure)
            elif live.unhealthy:
                self._well(live)
                self._touch(self._fleet.tag)

    async def _failed_check(self, live: Live) -> StartFailure | None:
        limit_s = self._tools.start_timeout_s
        return await failed_check(live.seen.tag, live.actor, self._fleet.config.health_check_timeout_s, limit_s)

    async def _unwell(self, live: Live, failure: StartFailure) -> None:
        """Have a replica replaced once there is room, or it is given up. It finishes its requests before it goes."""
        if not (live.seen.sick and self._fleet.has_room):  # else its replacement may have taken the room
            self._fleet.has_room = await self._tools.has_capacity(self._fleet.actor_options)
        if not live.seen.sick:
            live.seen.sick = True
            self._fleet.fell_sick.append(self._count(live, failure))
        live.seen.given_up = live.unhealthy >= GIVEN_UP_CHECKS
        self._touch(self._fleet.tag)

    def _well(self, live: Live) -> None:
        live.unhealthy, live.seen.sick, live.seen.given_up = 0, False, False
        self._fleet.recovered(live.seen.tag)

    def _is_here(self, live: Live) -> bool:
        return self._fleet.replicas.get(live.seen.tag) is live and live.seen.state is not State.DRAINING

    def _failed(self, live: Live, failure: StartFailure) -> None:
        logger.error("replica %r failed, %s: %s\n%s", failure.replica, failure.kind, failure.error, failure.traceback)
        if live.actor is not None:
            self._tools.launcher.kill(live.actor)
        self._count(live, failure)
        self._remove(live)

    def _count(self, live: Live, failure: StartFailure) -> StartFailure:
        failure = replace(failure, revision=live.revision)
        self._fleet.failed(failure, _now())
        return failure

    def _remove(self, live: Live) -> None:
        if self._fleet.replicas.get(live.seen.tag) is live:
            del self._fleet.replicas[live.seen.tag]
            self._fleet.last_gone = _now()
        for task in live.tasks:
            if task is not asyncio.current_task():
                task.cancel()
        self._tools.store.journal.remove("replica", live.seen.tag)
        self.publish()
        self._touch(self._fleet.tag)


def _now() -> float:
    return asyncio.get_running_loop().time()
